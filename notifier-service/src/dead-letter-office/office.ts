import { type Broker, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import type { Terminal } from '@herald/runtime/terminal'
import { shown } from '@herald/runtime/terminal-text'
import { loadConfig } from '../config.js'
import { deadLetterTopic, withHeaders } from '../dead-letters.js'
import { replayChannelHeader, replayHeader } from '../replay-mark.js'
import type { CommandContext } from './command-context.js'
import { type DeadLetter, readDeadLetter } from './dead-letter.js'
import { readWholeTopic } from './read-whole-topic.js'

export interface ListedLetter extends DeadLetter {
  /** From 1, the oldest first. */
  readonly number: number
  /** Undefined: it was not put to its topic again. */
  readonly replayedAt: Date | undefined
}

/** The dead letters of one topic, and what was done about them. */
export interface DeadLetterOffice {
  readonly topic: string
  /** All that the topic keeps, the oldest first. */
  letters(): Promise<ListedLetter[]>
  /** Puts it to its topic again as it was, then remembers that it did. */
  replay(letter: DeadLetter): Promise<void>
}

/** The topic that tells which dead letters were replayed, wherever that was done from. */
const replaysTopic = (topic: string) => `${deadLetterTopic(topic)}.replays`

/** Runs `work` with the dead letters of the configured topic. */
export async function withOffice<T>(
  { env, signal }: CommandContext,
  work: (office: DeadLetterOffice) => Promise<T>,
): Promise<T> {
  const { broker: url, topic } = loadConfig(env)
  const broker = await openBroker(url, { logger: silentLogger })
  try {
    return await work(openOffice(broker, topic, signal))
  } finally {
    await broker.close()
  }
}

function openOffice(broker: Broker, topic: string, signal: AbortSignal): DeadLetterOffice {
  return {
    topic,

    async letters() {
      const letters: DeadLetter[] = []
      const replays = new Map<string, Date>()
      await Promise.all([
        readWholeTopic(broker, deadLetterTopic(topic), signal, (delivery) => {
          letters.push(readDeadLetter(delivery, topic))
        }),
        readWholeTopic(broker, replaysTopic(topic), signal, ({ key, publishedAt }) => {
          if (key !== null) replays.set(key, publishedAt)
        }),
      ])
      letters.sort((a, b) => a.buriedAt.getTime() - b.buriedAt.getTime() || order(a, b))
      return letters.map((letter, at) => ({
        ...letter,
        number: at + 1,
        replayedAt: replays.get(letter.name),
      }))
    },

    async replay({ name, channel, origin, eventId, message }) {
      const marks = {
        [replayHeader]: Buffer.from(name),
        [replayChannelHeader]: Buffer.from(channel),
      }
      await broker.publish(origin.topic, [withHeaders(message, marks)])
      // Second: a crash in between replays it twice, and the ledger lets one of the two through.
      const note = Buffer.from(JSON.stringify({ deadLetter: name, eventId }))
      const asJson = { 'content-type': Buffer.from('application/json') }
      await broker.publish(replaysTopic(topic), [{ key: name, value: note, headers: asJson }])
    },
  }
}

const order = (a: DeadLetter, b: DeadLetter) =>
  a.place.localeCompare(b.place, 'en', { numeric: true })

/** Whether a person who says `which` means this one: its number, its place or its event's id. */
export function isNamed({ number, place, eventId }: ListedLetter, which: string): boolean {
  return String(number) === which || place === which || eventId === which
}

/** Says that there is no such dead letter; returns the exit status. */
export function noSuchLetter(which: string, terminal: Terminal): number {
  terminal.tell(`herald-notifier: there is no dead letter ${shown(which)}.`)
  terminal.tell('  Those there are: herald-notifier dead-letters list --all')
  return 3
}
