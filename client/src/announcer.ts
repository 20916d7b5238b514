import { setTimeout as sleep } from 'node:timers/promises'
import type { Published } from '@herald/broker'
import { type Outbox, openOutbox, outboxExists, type RelayableOutbox } from '@herald/broker/outbox'
import { type Relay, relayOnce, startRelay } from '@herald/broker/relay'
import { HeraldError } from '@herald/proto/errors'
import { silentLogger } from '@herald/runtime/logger'
import { shown } from '@herald/runtime/terminal-text'
import { type BrokerLink, linkBroker } from './broker-link.js'
import type { ClientConfig } from './config.js'
import type { KeptAnnouncement } from './convert-and-announce.js'

/** With what closing takes, the 2 s that a broker which is down may cost the user. */
const patienceMs = 1_500
const closeWithinMs = 150
/** A broker that takes nothing for that long is in trouble; one that takes some may go on. */
const flushStepMs = 5_000

/** What became of an announcement. */
export interface AnnouncedOutcome {
  readonly events: readonly AnnouncedEvent[]
  /** False: the outbox keeps it. */
  readonly published: boolean
  /** One sentence for a person, where it is kept. */
  readonly warning: string | undefined
}

export interface AnnouncedEvent {
  readonly id: string
  /** Empty: the notifier's default. */
  readonly recipient: string
  /** Where the broker put it; null while that is not known. */
  readonly partition: number | null
  readonly offset: string | null
}

/** What a command that announces nothing may do with the outbox of this machine. */
export interface KeptAnnouncements {
  readonly outbox: Pick<Outbox, 'entries' | 'receipts'>
  /** Publishes what earlier runs left, as far as it gets in that time. Does not reject. */
  catchUp(): Promise<void>
  /** Publishes everything, what was set aside as well; says how far it got. */
  flush(signal: AbortSignal): Promise<Flushed>
}

/** The outbox of this machine and the relay that empties it into the broker. */
export interface Announcer extends KeptAnnouncements {
  readonly outbox: Outbox
  /** Waits for the broker to have it, for as long as a user may be kept waiting. Does not reject. */
  outcome(kept: KeptAnnouncement): Promise<AnnouncedOutcome>
  /** A sentence for a person where no consumer has ever read the topic; else undefined. */
  missingConsumer(topic: string): Promise<string | undefined>
}

export interface Flushed {
  readonly published: number
  readonly left: number
  /** Why not everything went; undefined where nothing failed. */
  readonly reason: string | undefined
}

/** Of an outbox that was never opened. */
const nothingKept: KeptAnnouncements = {
  outbox: { entries: () => [], receipts: () => [] },
  catchUp: async () => {},
  flush: async () => ({ published: 0, left: 0, reason: undefined }),
}

/**
 * Runs `work` with the outbox as it is and closes it: where there is none, none is made. Rejects
 * with HERALD_DISK_FULL or HERALD_CANNOT_WRITE for an outbox that cannot be opened.
 */
export async function withOutbox<T>(
  config: ClientConfig,
  work: (kept: KeptAnnouncements) => Promise<T>,
): Promise<T> {
  return outboxExists(config.outboxDirectory) ? withAnnouncer(config, work) : work(nothingKept)
}

/** The same for a command that writes; an outbox is made where there is none. */
export async function withAnnouncer<T>(
  config: ClientConfig,
  work: (announcer: Announcer) => Promise<T>,
): Promise<T> {
  const { announcer, close } = await open(config)
  try {
    return await work(announcer)
  } finally {
    await close()
  }
}

/**
 * The same with a relay at work throughout, for a command that announces. What killed runs left
 * half placed is settled before `work` begins. Rejects with HERALD_USAGE for a broker's URL that
 * nothing speaks.
 */
export async function withRelay<T>(
  config: ClientConfig,
  work: (announcer: Announcer) => Promise<T>,
): Promise<T> {
  const { announcer, outbox, link, close } = await open(config)
  let relay: Relay | undefined
  try {
    await link.open()
    await outbox.settle()
    relay = startRelay(outbox, link.take, { logger: silentLogger })
    return await work(announcer)
  } finally {
    await soon(relay?.stop())
    await close()
  }
}

async function open({ outboxDirectory, broker, command }: ClientConfig) {
  const outbox = await openOutboxIn(outboxDirectory, broker)
  const link = linkBroker(broker)
  const close = async () => {
    await soon(link.close())
    // Not cut off: a process that exits during a write of lmdb waits for it, and it for the process.
    await outbox.close().catch(() => {})
  }
  return { announcer: createAnnouncer(outbox, link, command), outbox, link, close }
}

/** What hangs ends with the process. */
const soon = (done: Promise<unknown> | undefined) =>
  Promise.race([done?.catch(() => {}), sleep(closeWithinMs, undefined, { ref: false })])

async function openOutboxIn(directory: string, broker: string): Promise<RelayableOutbox> {
  try {
    return await openOutbox(directory, { broker, logger: silentLogger })
  } catch (error) {
    const full = (error as { code?: unknown }).code === 'STORE_FULL'
    throw new HeraldError(
      full ? 'HERALD_DISK_FULL' : 'HERALD_CANNOT_WRITE',
      `Cannot open the outbox in ${directory}: ${(error as Error).message}`,
      { remedy: 'Name a folder that can be written with HERALD_DATA.', cause: error },
    )
  }
}

function createAnnouncer(outbox: RelayableOutbox, link: BrokerLink, command: string): Announcer {
  // One wait for a broker in trouble is enough: the files that follow do not wait again.
  let trouble = false
  const relayed = (timeoutMs: number, retrySetAside: boolean) =>
    relayOnce(outbox, link.take, { logger: silentLogger, timeoutMs, retrySetAside })

  return {
    outbox,

    async outcome({ entryId, events }) {
      const published = outbox.published(entryId, trouble ? 0 : patienceMs)
      const places = await Promise.race([published, link.failed]).catch(() => undefined)
      if (!places) trouble = true
      return {
        events: events.map((event, at) => placed(event, places?.[at])),
        published: places !== undefined,
        warning: places ? undefined : warningOf(command, link.fault ?? lastFault(outbox, entryId)),
      }
    },

    async missingConsumer(topic) {
      if ((await link.hasHadConsumers(topic)) !== false) return undefined
      return `No notifier has ever read the topic ${topic}: e-mails are sent once one runs. Start it with npm start or herald-notifier.`
    },

    async catchUp() {
      if (!trouble) await Promise.race([relayed(patienceMs, false), link.failed]).catch(() => {})
    },

    async flush(signal) {
      let published = 0
      for (let before = outbox.countReady(); ; ) {
        const step = await Promise.race([relayed(flushStepMs, true), link.failed])
        published += step?.published ?? 0
        const left = step?.left ?? outbox.countReady()
        // Another relay may do the work.
        const progress = (step?.published ?? 0) > 0 || left < before
        if (left === 0 || !progress || signal.aborted) {
          return { published, left, reason: step?.lastFault ?? link.fault }
        }
        before = left
      }
    },
  }
}

function lastFault(outbox: Outbox, entryId: string): string | undefined {
  const now = outbox.publishState(entryId)
  return now.state === 'waiting' ? now.lastFault : undefined
}

function placed(
  event: { readonly id: string; readonly recipient: string },
  place: Published | undefined,
): AnnouncedEvent {
  return { ...event, partition: place?.partition ?? null, offset: place?.offset ?? null }
}

function warningOf(command: string, reason: string | undefined): string {
  const sentence = `The announcement is kept and will be sent later: ${command} outbox flush`
  return reason === undefined ? sentence : `${sentence} (${shown(reason)})`
}
