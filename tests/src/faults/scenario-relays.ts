import { join } from 'node:path'
import { openOutbox } from '@herald/broker/outbox'
import { silentLogger } from '@herald/runtime'
import { makeEvents, people } from './events.js'
import { promises, type Result } from './result.js'
import { runCli } from './run-cli.js'
import { seeded } from './seeded.js'
import { readTopic, type Stage } from './stage.js'

export interface RelaysOptions {
  readonly seed: number
  readonly events: number
  readonly nodeArguments?: readonly string[]
}

const clients = 4

/** Several clients empty one outbox at the same time: each event is published once, in order. */
export async function runRelays(stage: Stage, options: RelaysOptions): Promise<Result> {
  const { nodeArguments = [] } = options
  const events = makeEvents(options.events, people(20), seeded(options.seed))
  const place = await stage.place()
  try {
    const outbox = await openOutbox(join(place.folder, 'outbox'), {
      broker: stage.broker,
      logger: silentLogger,
    })
    await Promise.all(
      events.map(({ message, id }) =>
        outbox.prepare({ topic: place.topic, messages: [message], files: [], label: id }),
      ),
    )
    await outbox.close()
    const flushed = await Promise.all(
      Array.from(
        { length: clients },
        () => runCli(['outbox', 'flush'], { env: place.env, nodeArguments }).ended,
      ),
    )
    const topic = await readTopic(stage.broker, place.topic, 'count')
    const times = new Map<string, number>()
    for (const { headers } of topic) {
      const id = Buffer.from(headers['ce_id'] ?? '').toString()
      times.set(id, (times.get(id) ?? 0) + 1)
    }
    const lost = events.filter(({ id }) => !times.has(id)).length
    const { faults, hold } = promises()
    hold(
      flushed.every(({ status }) => status === 0),
      `the clients end with ${flushed.map(({ status, stderr }) => `${status} ${stderr}`).join(' | ')}`,
    )
    hold(lost === 0, `${lost} events lost`)
    hold(topic.length <= events.length, `${topic.length - events.length} events published twice`)
    return {
      scenario: `${clients} clients, one outbox`,
      figures: {
        events: events.length,
        unique: times.size,
        duplicate: topic.length - times.size,
        lost,
      },
      faults,
    }
  } finally {
    await place.close()
  }
}
