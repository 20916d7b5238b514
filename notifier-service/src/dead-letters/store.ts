import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Broker, type Delivery, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import { type DeadLetter, readDeadLetter } from './dead-letter.js'
import { deadLetterTopic, withHeaders } from './publisher.js'
import { replayChannelHeader, replayHeader } from './replay-mark.js'

export interface ListedDeadLetter extends DeadLetter {
  /** From 1, the oldest first. */
  readonly number: number
  /** When it was replayed; undefined if it was not. */
  readonly replayedAt: Date | undefined
}

/** The dead letters of one topic. */
export interface DeadLetterStore {
  /** The original topic. */
  readonly topic: string
  /** All that the dead-letter topic keeps, the oldest first. */
  list(): Promise<ListedDeadLetter[]>
  /** Publishes the original message to its topic again, then records it. */
  replay(deadLetter: DeadLetter): Promise<void>
}

/** Where replays are recorded, whichever machine they were made on. */
const replaysTopic = (topic: string) => `${deadLetterTopic(topic)}.replays`

/** How often to check whether a topic is read to its end, in milliseconds. */
const pollMs = 50

/** Runs `work` with the dead letters of the configured topic. */
export async function withDeadLetterStore<T>(
  { env, signal }: CommandContext,
  work: (store: DeadLetterStore) => Promise<T>,
): Promise<T> {
  const { broker: url, topic } = loadConfig(env)
  const broker = await openBroker(url, { logger: silentLogger })
  try {
    return await work(createDeadLetterStore(broker, topic, signal))
  } finally {
    await broker.close()
  }
}

function createDeadLetterStore(
  broker: Broker,
  topic: string,
  signal: AbortSignal,
): DeadLetterStore {
  return {
    topic,

    async list() {
      const deadLetters: DeadLetter[] = []
      const replays = new Map<string, Date>()
      await Promise.all([
        readToEnd(broker, deadLetterTopic(topic), signal, (delivery) => {
          deadLetters.push(readDeadLetter(delivery, topic))
        }),
        readToEnd(broker, replaysTopic(topic), signal, ({ key, publishedAt }) => {
          if (key !== null) replays.set(key, publishedAt)
        }),
      ])
      deadLetters.sort((a, b) => a.addedAt.getTime() - b.addedAt.getTime() || byPosition(a, b))
      return deadLetters.map((deadLetter, at) => ({
        ...deadLetter,
        number: at + 1,
        replayedAt: replays.get(deadLetter.name),
      }))
    },

    async replay({ name, channel, origin, eventId, message }) {
      const marks = {
        [replayHeader]: Buffer.from(name),
        [replayChannelHeader]: Buffer.from(channel),
      }
      await broker.publish(origin.topic, [withHeaders(message, marks)])
      // Second: after a crash in between it is replayed twice, and the ledger lets one through.
      const record = Buffer.from(JSON.stringify({ deadLetter: name, eventId }))
      const headers = { 'content-type': Buffer.from('application/json') }
      await broker.publish(replaysTopic(topic), [{ key: name, value: record, headers }])
    },
  }
}

const byPosition = (a: DeadLetter, b: DeadLetter) =>
  a.position.localeCompare(b.position, 'en', { numeric: true })

/**
 * Calls `onDelivery` with every event that `topic` holds now, those of one partition in order;
 * resolves after the last. It reads in a consumer group of its own, which is never used again.
 * Rejects with BrokerError, or when `signal` is aborted.
 */
async function readToEnd(
  broker: Broker,
  topic: string,
  signal: AbortSignal,
  onDelivery: (delivery: Delivery) => void,
): Promise<void> {
  const group = `herald-reader-${randomUUID()}`
  const subscription = await broker.subscribe(
    { topic, group, maxInFlight: 256, standalone: true },
    async (delivery) => onDelivery(delivery),
  )
  try {
    // Alone in its group it gets every event. Those that the lag does not count yet need a second round.
    for (const delayMs of new Set([0, broker.features.lagDelayMs])) {
      await pause(delayMs, undefined, { signal })
      while (!subscription.active || (await subscription.lag()) > 0) {
        await pause(pollMs, undefined, { signal })
      }
    }
  } finally {
    await subscription.close()
  }
}
