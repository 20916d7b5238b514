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
  const publisher = new Publisher(outbox.store, openBroker, logger)
  const running = run(outbox, publisher, { logger, signal: stop.signal, once: false })
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
  const publisher = new Publisher(outbox.store, openBroker, logger)
  if (retrySetAside) publisher.retrySetAside()
  const timer = setTimeout(() => stop.abort(), timeoutMs)
  await untilEither(run(outbox, publisher, { logger, signal, once: true }), signal)
  clearTimeout(timer)
  stop.abort()
  const { published, lastError } = publisher
  return { published, left: outbox.store.countReady(), lastError }
}

interface RunOptions {
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Ends when there is nothing more to publish. */
  readonly once: boolean
}

/** Waits for the lease and works under it; after an error, again. Never rejects. */
async function run(
  outbox: Outbox,
  publisher: Publisher,
  { logger, signal, once }: RunOptions,
): Promise<void> {
  const settleIfDue = settleRegularly(outbox)
  let lease: RelayLease | undefined
  let failures = 0
  const release = async () => {
    const held = lease
    lease = undefined
    await publisher.close().catch((error) => logger.warn({ err: error }, 'could not close'))
    await held?.release().catch((error) => logger.warn({ err: error }, 'could not release'))
  }
  while (!signal.aborted) {
    const changed = outbox.changed()
    try {
      lease ??= await outbox.store.acquireLease()
      if (lease) await settleIfDue()
      const result = lease ? await publisher.step(lease) : 'idle'
      if (result === 'idle') {
        if (once && (lease || outbox.store.countReady() === 0)) break
        await untilEither(changed, signal)
      }
      failures = result === 'failed' ? failures + 1 : 0
    } catch (error) {
      // Acquiring it again takes a write: nothing is sent while the disk is full.
      await release()
      failures = error instanceof LeaseLost ? 0 : failures + 1
      if (failures > 0 && !signal.aborted) {
        logger.error({ err: error }, 'the relay failed; will try again')
      }
    }
    if (failures > 0) await pause(backOffMs(failures, backOff.baseMs, backOff.capMs), signal)
  }
  await release()
}

function settleRegularly(outbox: Outbox): () => Promise<void> {
  let waitMs = settleEvery.baseMs
  let dueAtMs = Number.NEGATIVE_INFINITY
  return async () => {
    if (performance.now() < dueAtMs) return
    const left = await outbox.settle()
    waitMs = left === 0 ? settleEvery.baseMs : Math.min(settleEvery.capMs, 2 * waitMs)
    dueAtMs = performance.now() + waitMs
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
