import { createHash } from 'node:crypto'

// No topic has `/` or `@` in its name, so no two of these are the same.

/** The stream of a partition: `notifications/0`. */
export const streamName = (topic: string, partition: number) => queueName(`${topic}/${partition}`)

/** The queue whose message is a group's lease on a partition, and its committed offset. */
export const leaseQueueName = (topic: string, group: string, partition: number) =>
  queueName(`${topic}/${partition}@${group}`)

/** The queue whose consumers are the members of the group. */
export const membersQueueName = (topic: string, group: string) => queueName(`${topic}@${group}`)

/** A queue that exists once a group has joined the topic. */
export const joinedQueueName = (topic: string) => queueName(`${topic}@`)

/**
 * The longest name in bytes. A queue's may have 255, but RabbitMQ stores a stream in a folder whose
 * name, of at most 255 bytes, has the virtual host's, the stream's and 21 more.
 */
const longest = 200

function queueName(name: string): string {
  if (Buffer.byteLength(name) <= longest) return name
  return `${name.slice(0, 40)}#${createHash('sha256').update(name).digest('hex')}`
}
