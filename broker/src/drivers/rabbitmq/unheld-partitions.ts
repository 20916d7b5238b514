import type { Channel } from 'amqplib'

const checkEveryMs = 1000

/**
 * Finds partitions that nobody holds although each member has its share. RabbitMQ also counts the
 * members that were connected to a node that is down, until it is up again or removed from the cluster.
 */
export class UnheldPartitions {
  #found: readonly string[] = []
  #checkedAtMs = 0

  /**
   * Whether nobody holds one of these lease queues: its token was ready in this check and in the last
   * one. Once could be on its way to another member. Asks once a second; false in between.
   */
  async exist(channel: Channel, leaseQueues: readonly string[]): Promise<boolean> {
    if (performance.now() - this.#checkedAtMs < checkEveryMs) return false
    this.#checkedAtMs = performance.now()
    const before = this.#found
    const answers = await Promise.all(leaseQueues.map((queue) => channel.checkQueue(queue)))
    const unheld = answers.filter(({ messageCount }) => messageCount > 0)
    this.#found = unheld.map(({ queue }) => queue)
    return this.#found.some((queue) => before.includes(queue))
  }
}
