import { join } from 'node:path'
import { openOutbox } from '@herald/broker/outbox'
import { silentLogger } from '@herald/runtime'
import { makeEvents, people } from './events.js'
import { type KafkaFixture, readTopic } from './kafka-fixture.js'
import { createChecks, type Result } from './result.js'
import { runCli } from './run-cli.js'
import { seeded } from './seeded.js'

export interface RelaysOptions {
  readonly seed: number
  readonly events: number
  readonly nodeArguments?: readonly string[]
}

const clients = 4

/** Several clients empty one outbox at the same time: each event is published once, in order. */
export async function runRelays(
  kafkaFixture: KafkaFixture,
  options: RelaysOptions,
): Promise<Result> {
  const { nodeArguments = [] } = options
  const events = makeEvents(options.events, people(20), seeded(options.seed))
  const workspace = await kafkaFixture.openWorkspace()
  try {
    const outbox = await openOutbox(join(workspace.folder, 'outbox'), {
      broker: kafkaFixture.broker,
      logger: silentLogger,
    })
    await Promise.all(
      events.map(({ message, id }) =>
        outbox.prepare({ topic: workspace.topic, messages: [message], files: [], label: id }),
      ),
    )
    await outbox.close()
    const flushed = await Promise.all(
      Array.from(
        { length: clients },
        () => runCli(['outbox', 'flush'], { env: workspace.env, nodeArguments }).ended,
      ),
    )
    const topic = await readTopic(kafkaFixture.broker, workspace.topic, 'count')
    const times = new Map<string, number>()
    for (const { headers } of topic) {
      const id = Buffer.from(headers['ce_id'] ?? '').toString()
      times.set(id, (times.get(id) ?? 0) + 1)
    }
    const lost = events.filter(({ id }) => !times.has(id)).length
    const { failures, check } = createChecks()
    check(
      flushed.every(({ status }) => status === 0),
      `the clients end with ${flushed.map(({ status, stderr }) => `${status} ${stderr}`).join(' | ')}`,
    )
    check(lost === 0, `${lost} events lost`)
    check(topic.length <= events.length, `${topic.length - events.length} events published twice`)
    return {
      scenario: `${clients} clients, one outbox`,
      figures: {
        events: events.length,
        unique: times.size,
        duplicate: topic.length - times.size,
        lost,
      },
      failures,
    }
  } finally {
    await workspace.close()
  }
}
