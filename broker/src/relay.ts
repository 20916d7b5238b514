import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import { backOffMs } from './back-off.js'
import type { Broker } from './broker.js'
import type { Outbox } from './outbox.js'
import { Publisher } from './publish-ready.js'
import { LeaseLost, type RelayLease } from './relay-lease.js'

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
 *
 * A holder that is stopped (SIGSTOP, a suspended machine) between the look at its lease and the send
 * sends when it goes on, although another relay has the lease: at most that one batch goes twice,
 * with the same `ce_id`s, by which subscribers recognise it.
 */
export function startRelay(
  outbox: Outbox,
  openBroker: () => Promise<Broker>,
  { logger }: { logger: Logger },
): Relay {
  const stop = new AbortController()
  const { signal } = stop
  const running = run(outbox, { openBroker, logger, signal, once: false, retrySetAside: false })
  return {
    stop() {
      stop.abort()
      return running
    },
  }
}

export interface RelayOnceOptions {
  readonly logger: Logger
  /** It resolves after that time in any case. */
  readonly timeoutMs: number
  /** Tries also what is set aside. Default false. */
  readonly retrySetAside?: boolean
}

export interface RelayedOnce {
  /** Entries this call published. */
  readonly published: number
  /** Ready entries to this broker that are still kept. */
  readonly left: number
  /** Why the last attempt failed; undefined if none did. */
  readonly lastError: string | undefined
}

/**
 * Publishes what is ready and returns; if another relay works, waits for it to do so. A send
 * that is in flight when the time is over goes on until the process ends; its record is kept
 * until the broker acknowledges it.
 */
export async function relayOnce(
  outbox: Outbox,
  openBroker: () => Promise<Broker>,
  { logger, timeoutMs, retrySetAside = false }: RelayOnceOptions,
): Promise<RelayedOnce> {
  const stop = new AbortController()
  const { signal } = stop
  let publisher: Publisher | undefined
  const onWork = (started: Publisher) => {
    publisher = started
  }
  const timer = setTimeout(() => stop.abort(), timeoutMs)
  await untilEither(
    run(outbox, { openBroker, logger, signal, once: true, retrySetAside, onWork }),
    signal,
  )
  clearTimeout(timer)
  stop.abort()
  const { published = 0, lastError } = publisher ?? {}
  return { published, left: outbox.store.countReady(), lastError }
}

interface RunOptions {
  readonly openBroker: () => Promise<Broker>
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly once: boolean
  readonly retrySetAside: boolean
  readonly onWork?: (publisher: Publisher) => void
}

/** Waits for the lease and works under it, again and again. Never rejects. */
async function run(outbox: Outbox, options: RunOptions): Promise<void> {
  const { logger, signal, once } = options
  for (let failures = 0; !signal.aborted; ) {
    try {
      const changed = outbox.changed()
      const lease = await outbox.store.acquireLease()
      if (lease === undefined) {
        if (once && outbox.store.countReady() === 0) return
        await untilEither(changed, signal)
        continue
      }
      await work(outbox, lease, options)
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

async function work(outbox: Outbox, lease: RelayLease, options: RunOptions): Promise<void> {
  const { logger, signal, once } = options
  const publisher = new Publisher(outbox.store, lease, options)
  options.onWork?.(publisher)
  let settleEveryMs = settleEvery.baseMs
  let settleAtMs = Number.NEGATIVE_INFINITY
  try {
    for (let failures = 0; !signal.aborted; ) {
      const changed = outbox.changed()
      if (performance.now() >= settleAtMs) {
        const left = await outbox.settle()
        settleEveryMs = left === 0 ? settleEvery.baseMs : 2 * settleEveryMs
        settleAtMs = performance.now() + Math.min(settleEvery.capMs, settleEveryMs)
      }
      const result = await publisher.step()
      if (result === 'failed') {
        await pause(backOffMs(++failures, backOff.baseMs, backOff.capMs), signal)
        continue
      }
      failures = 0
      if (result === 'progress') continue
      if (once) return
      await untilEither(changed, signal)
    }
  } finally {
    await publisher.close().catch((error) => logger.warn({ err: error }, 'could not close'))
    await lease.release()
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
