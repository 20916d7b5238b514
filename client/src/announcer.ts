import { setTimeout as sleep } from 'node:timers/promises'
import { brokerName } from '@herald/broker/broker-name'
import { type Outbox, openOutbox, outboxExists } from '@herald/broker/outbox'
import { type Relay, type RelayedOnce, relayOnce, startRelay } from '@herald/broker/relay'
import { HeraldError } from '@herald/proto/errors'
import { silentLogger } from '@herald/runtime/logger'
import { escapeControls } from '@herald/runtime/terminal-text'
import { BrokerLink } from './broker-link.js'
import type { ClientConfig } from './config.js'
import type { KeptAnnouncement } from './convert-and-announce.js'

/** With what closing takes, the 2 s that a broker which is down may cost the user. */
const publishTimeoutMs = 1_500
const closeTimeoutMs = 150
/** A flush ends if the broker takes nothing for that long. */
const flushStepMs = 5_000

/** How far an announcement came. */
export interface AnnouncementResult {
  readonly events: readonly AnnouncedEvent[]
  /** False: the outbox keeps it. */
  readonly published: boolean
  /** Why the outbox keeps it; undefined if it is published. */
  readonly reason: string | undefined
  /** One sentence for a person if the outbox keeps it, with the reason. */
  readonly warning: string | undefined
}

export interface AnnouncedEvent {
  readonly id: string
  /** Empty: the notifier's default. */
  readonly recipient: string
  /** Null if the event is not published, or this broker has none. */
  readonly partition: number | null
  readonly offset: string | null
}

/** What a command that announces nothing may do with the outbox of this machine. */
export interface KeptAnnouncements {
  readonly outbox: Pick<Outbox, 'entries' | 'entry' | 'findEvents' | 'drop'>
  /** Publishes what earlier runs left, as far as it gets in that time. Does not reject. */
  catchUp(): Promise<void>
  /** Publishes everything, also what was set aside. */
  flush(signal: AbortSignal): Promise<Flushed>
}

/** The outbox of this machine, with relays that publish from it. */
export interface Announcer extends KeptAnnouncements {
  readonly outbox: Outbox
  /** Waits until the broker has it, for as long as a user may be kept waiting. Does not reject. */
  untilPublished(kept: KeptAnnouncement): Promise<AnnouncementResult>
  /** A sentence for a person if no consumer has ever read the topic. */
  missingConsumer(topic: string): Promise<string | undefined>
}

export interface Flushed {
  readonly published: number
  readonly left: number
  /** Why some are left; undefined if nothing failed. */
  readonly reason: string | undefined
}

/** For an outbox that was never opened. */
const nothingKept: KeptAnnouncements = {
  outbox: {
    entries: () => [],
    entry: () => undefined,
    findEvents: () => [],
    drop: async () => false,
  },
  catchUp: async () => {},
  flush: async () => ({ published: 0, left: 0, reason: undefined }),
}

/**
 * Runs `work` with the outbox, if there is one, and closes it; makes none. Rejects with HERALD_DISK_FULL or HERALD_CANNOT_WRITE for an outbox that cannot be opened.
 */
export async function withOutbox<T>(
  config: ClientConfig,
  work: (kept: KeptAnnouncements) => Promise<T>,
): Promise<T> {
  return outboxExists(config.outboxDirectory) ? withAnnouncer(config, work) : work(nothingKept)
}

/** The same for a command that writes: makes an outbox if there is none. */
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
 * prepared is settled before `work` begins. Rejects with HERALD_USAGE for a URL of no known broker.
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
    await withCloseTimeout(relay?.stop())
    await close()
  }
}

async function open(config: ClientConfig) {
  const { outboxDirectory, broker } = config
  const outbox = await openOutboxIn(outboxDirectory, broker)
  const link = new BrokerLink(broker)
  const close = async () => {
    await withCloseTimeout(link.close())
    // Not cut off: a process that exits during a write of lmdb waits for it, and it for the process.
    await outbox.close().catch(() => {})
  }
  return { announcer: createAnnouncer(outbox, link, config), outbox, link, close }
}

/** What hangs is left to the end of the process. */
const withCloseTimeout = (done: Promise<unknown> | undefined) =>
  Promise.race([done?.catch(() => {}), sleep(closeTimeoutMs, undefined, { ref: false })])

async function openOutboxIn(directory: string, broker: string): Promise<Outbox> {
  try {
    return await openOutbox(directory, { broker, logger: silentLogger })
  } catch (error) {
    const full = (error as { code?: unknown }).code === 'STORE_FULL'
    throw new HeraldError(
      full ? 'HERALD_DISK_FULL' : 'HERALD_CANNOT_WRITE',
      `Cannot open the outbox in ${directory}: ${(error as Error).message}`,
      { remedy: 'Set HERALD_DATA to a folder that you can write to.', cause: error },
    )
  }
}

function createAnnouncer(
  outbox: Outbox,
  link: BrokerLink,
  { broker, command }: Pick<ClientConfig, 'broker' | 'command'>,
): Announcer {
  // One wait for a broker in trouble is enough: the files that follow do not wait again.
  let inTrouble = false
  const relay = (timeoutMs: number, retrySetAside: boolean) => {
    const relayed = relayOnce(outbox, link.take, { logger: silentLogger, timeoutMs, retrySetAside })
    return Promise.race([relayed, link.failed])
  }

  const noAnswer = `${brokerName(broker)} has not acknowledged it within ${publishTimeoutMs / 1000} s. Is it running, and is the address right?`

  return {
    outbox,

    async untilPublished({ entryId, events }) {
      const published = outbox.untilPublished(entryId, inTrouble ? 0 : publishTimeoutMs)
      const to = await Promise.race([published, link.failed]).catch(() => undefined)
      if (!to) inTrouble = true
      const reason = link.lastError ?? outbox.entry(entryId)?.lastError ?? noAnswer
      return {
        events: events.map((event, at) => {
          const { partition = null, offset = null } = to?.[at] ?? {}
          return { ...event, partition, offset }
        }),
        published: to !== undefined,
        reason: to ? undefined : reason,
        warning: to ? undefined : warningOf(command, reason),
      }
    },

    async missingConsumer(topic) {
      if ((await link.hasHadConsumers(topic)) !== false) return undefined
      return `No notifier has ever read the topic ${topic}: e-mails are sent once one runs. Start it with npm start or herald-notifier.`
    },

    async catchUp() {
      if (!inTrouble) await relay(publishTimeoutMs, false).catch(() => {})
    },

    async flush(signal) {
      const countLeft = () => outbox.store.countReady()
      const flushed = await flushInSteps(() => relay(flushStepMs, true), countLeft, signal)
      return { ...flushed, reason: flushed.reason ?? link.lastError }
    },
  }
}

/**
 * Repeats `step` until nothing is left, a step changes nothing, or `signal` is aborted. `step`
 * resolves to undefined if the broker could not be opened.
 */
export async function flushInSteps(
  step: () => Promise<RelayedOnce | undefined>,
  countLeft: () => number,
  signal: AbortSignal,
): Promise<Flushed> {
  let published = 0
  for (let before = countLeft(); ; ) {
    const relayed = await step()
    published += relayed?.published ?? 0
    const left = relayed?.left ?? countLeft()
    // Fewer are left also if a relay of another process published them.
    const progress = (relayed?.published ?? 0) > 0 || left < before
    if (left === 0 || !progress || signal.aborted) {
      return { published, left, reason: relayed?.lastError }
    }
    before = left
  }
}

function warningOf(command: string, reason: string): string {
  const sentence = `The announcement is kept and will be sent later: ${command} outbox flush`
  return `${sentence} (${escapeControls(reason)})`
}
