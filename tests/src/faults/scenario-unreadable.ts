import { randomBytes } from 'node:crypto'
import { type Message, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { checkMails, countAtSink } from './count.js'
import { makeEvent, makeEvents, people, source } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { untilNoLag } from './lag.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded, whole } from './seeded.js'

export interface UnreadableOptions {
  readonly seed: number
  readonly events: number
}

const notifiers = 2

/** Among good events: random bytes, an unknown type, 900 KB of headers. */
export async function runUnreadable(
  kafkaFixture: KafkaFixture,
  options: UnreadableOptions,
): Promise<Result> {
  const random = seeded(options.seed)
  const good = makeEvents(options.events - 3, people(50), random)
  const messages = good.map(({ message }) => message)
  for (const bad of unreadable()) messages.splice(whole(random, messages.length), 0, bad)
  return runScenario(
    kafkaFixture,
    { notifiers },
    async ({ sink, fleet, ledger, workspace, finish }) => {
      const broker = await openBroker(kafkaFixture.broker, { logger: silentLogger })
      for (let at = 0; at < messages.length; at += 50) {
        await broker.publish(workspace.topic, messages.slice(at, at + 50))
      }
      await broker.close()
      const settled = await ledger.untilSettled(good, 30_000)
      const empty = await untilNoLag(fleet, notifiers, 30_000)
      const { deadLetters, uncommitted } = await finish()

      const seen = countAtSink(good, sink.sends)
      const reasons = deadLetters.map(({ reason }) => reason)
      const { failures, check } = createChecks()
      check(settled && empty, 'not every event has an outcome')
      const figures = checkMails(check, seen)
      check(seen.unknownEvents === 0, 'mails of unknown events')
      check(deadLetters.length === 3, `${deadLetters.length} dead letters: ${reasons.join(' | ')}`)
      check(new Set(reasons).size === 3, `the reasons are not distinct: ${reasons.join(' | ')}`)
      check(uncommitted === 0, `${uncommitted} events have an outcome but are not committed`)
      return {
        scenario: '3 that cannot be read',
        figures: {
          events: messages.length,
          ...figures,
          'dead letters': deadLetters.length,
        },
        failures,
        notes: reasons.map((reason) => `dead letter: ${reason}`),
      }
    },
  )
}

function unreadable(): Message[] {
  const { message } = makeEvent('person-0@example.com', 0)
  const other = makeEvent('person-1@example.com', 0).message
  return [
    { key: 'person-2@example.com', value: randomBytes(300), headers: {} },
    {
      ...message,
      headers: {
        ...message.headers,
        ce_type: Buffer.from('herald.faults.unknown.v1'),
        ce_source: Buffer.from(source),
      },
    },
    { ...other, headers: { ...other.headers, ce_load: Buffer.alloc(900 * 1024, 'x') } },
  ]
}
