import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import { backOffMs } from './back-off.js'
import type { Broker } from './broker.js'
import type { RelayableOutbox, RelayLease } from './outbox.js'
import { Publisher } from './publish-ready.js'
import { LeaseLost } from './relay-leases.js'

const backOff = { baseMs: 200, capMs: 30_000 }
/** How often what others left prepared is looked at; more seldom while some of it cannot be settled. */
const settleEvery = { baseMs: 500, capMs: 30_000 }

export interface Relay {
  /** Finishes the send in flight, closes the broker, releases the lease. Idempotent. */
  stop(): Promise<void>
}

/**
 * Publishes what is or becomes ready in `outbox` for its broker until it is stopped; settles what
 * dead processes left. Of all relays to one broker one works at a time, the others wait until it
 * ends or its lease runs out. Entries of one topic go in the order of their ids, one send in flight.
 * If the broker fails, everything waits for a back-off with jitter, 30 s at most; an entry with an
 * error of its own (too large) is kept and set aside for a minute, then ever longer, and the others
 * go on; if a topic is not allowed, that topic alone waits. `openBroker` is called when there is
 * something to publish first; the relay closes the broker it returns. The outbox stays the caller's,
 * to be closed after the relay.
 */
export function startRelay(
  outbox: RelayableOutbox,
  openBroker: () => Promise<Broker>,
  { logger }: { logger: Logger },
): Relay {
  const stop = new AbortController()
  const { signal } = stop
  const running = run(outbox, openBroker, { logger, signal, once: false, retrySetAside: false })
  return {
    stop() {
      stop.abort()
      return running
    },
  }
}

export interface RelayOnceOptions {
  logger: Logger
  /** It resolves after that time in any case, in milliseconds. */
  timeoutMs: number
  /** Tries also what is set aside. Default false. */
  retrySetAside?: boolean
}

export interface RelayedOnce {
  /** Entries this call published. */
  readonly published: number
  /** Ready entries to this broker that are still kept. */
  readonly left: number
  /** Why the last attempt failed; undefined if none did. */
  readonly lastFault: string | undefined
}

/**
 * Publishes what is ready and returns; if another relay works, waits for it to do so. A send
 * that is in flight when the time is over goes on until the process ends; its record is kept
 * until the broker acknowledges it.
 */
export async function relayOnce(
  outbox: RelayableOutbox,
  openBroker: () => Promise<Broker>,
  { logger, timeoutMs, retrySetAside = false }: RelayOnceOptions,
): Promise<RelayedOnce> {
  const stop = new AbortController()
  const { signal } = stop
  const progress = { published: 0, lastFault: undefined as string | undefined }
  const timer = setTimeout(() => stop.abort(), timeoutMs)
  const running = run(outbox, openBroker, { logger, signal, once: true, retrySetAside, progress })
  await untilEither(running, signal)
  clearTimeout(timer)
  stop.abort()
  return { ...progress, left: outbox.countReady() }
}

interface RunOptions {
  logger: Logger
  signal: AbortSignal
  once: boolean
  retrySetAside: boolean
  progress?: { published: number; lastFault: string | undefined }
}

/** Waits for the lease and works under it, again and again. Never rejects. */
async function run(
  outbox: RelayableOutbox,
  openBroker: () => Promise<Broker>,
  options: RunOptions,
): Promise<void> {
  const { logger, signal, once } = options
  for (let failures = 0; !signal.aborted; ) {
    try {
      const changed = outbox.changed()
      const lease = await outbox.acquireLease()
      if (lease === undefined) {
        if (once && outbox.countReady() === 0) return
        await untilEither(changed, signal)
        continue
      }
      await work(outbox, lease, openBroker, options)
      failures = 0
      if (once) return
    } catch (error) {
      if (error instanceof LeaseLost) {
        // Next time it waits like the others.
        logger.debug('another relay publishes now')
        continue
      }
      if (!signal.aborted) logger.error({ err: error }, 'the relay failed; will try again')
      await pause(backOffMs(++failures, backOff.baseMs, backOff.capMs), signal)
    }
  }
}

async function work(
  outbox: RelayableOutbox,
  lease: RelayLease,
  openBroker: () => Promise<Broker>,
  { logger, signal, once, retrySetAside, progress }: RunOptions,
): Promise<void> {
  const publisher = new Publisher(lease, openBroker, { logger, retrySetAside })
  const settleIfDue = settleNowAndThen(outbox)
  try {
    for (let failures = 0; !signal.aborted; ) {
      const changed = outbox.changed()
      await settleIfDue()
      const result = await publisher.step()
      if (progress) {
        progress.published = publisher.published
        progress.lastFault = publisher.lastFault
      }
      if (result === 'failed') {
        await pause(backOffMs(++failures, backOff.baseMs, backOff.capMs), signal)
        continue
      }
      failures = 0
      if (result === 'progress') continue
      if (once) return await lease.recorded()
      await untilEither(changed, signal)
    }
  } finally {
    await publisher.close().catch((error) => logger.warn({ err: error }, 'could not close'))
    await lease.release()
  }
}

function settleNowAndThen(outbox: RelayableOutbox): () => Promise<void> {
  let waitMs = settleEvery.baseMs
  let dueAt = Number.NEGATIVE_INFINITY
  return async () => {
    if (performance.now() < dueAt) return
    const left = await outbox.settle()
    waitMs = left === 0 ? settleEvery.baseMs : Math.min(settleEvery.capMs, 2 * waitMs)
    dueAt = performance.now() + waitMs
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}

/** Resolves when either does. Leaves nothing behind on the signal, which lives as long as the relay. */
function untilEither(changed: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
    void changed.then(done)
  })
}
