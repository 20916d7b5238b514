import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import { backOffMs } from '../back-off.js'
import type { Broker } from '../broker.js'
import type { Outbox } from './outbox.js'
import { OutboxPublisher } from './outbox-publisher.js'
import { LeaseLost, type RelayLease } from './relay-lease.js'

const backOff = { baseMs: 200, maxMs: 30_000 }
/** How often prepared entries are settled: less and less often while some of them cannot be. */
const settleInterval = { baseMs: 500, maxMs: 30_000 }

export interface Relay {
  /** Finishes the send in flight, closes the broker, releases the lease. Idempotent. */
  stop(): Promise<void>
}

/**
 * Publishes the entries of `outbox` for its broker as they become ready, until it is stopped, and
 * settles what ended processes left. Of all relays to one broker one works at a time; the others wait
 * until it ends or its lease expires. Entries to one topic are published in the order of their ids,
 * one send in flight. If the broker fails, all entries wait for a back-off with jitter, 30 s at most.
 * An entry with an error of its own (too large) is set aside, for a minute at first, and the others
 * continue. If a topic is not allowed, only that topic waits. `openBroker` is called before the first
 * send; the relay closes the broker it returns. The caller closes the outbox, after the relay.
 *
 * A relay that is stopped (SIGSTOP, a suspended machine) between checking its lease and sending
 * sends when it continues, although another relay may have the lease: at most that one batch is
 * published twice, with the same `ce_id`s, by which subscribers recognize it.
 */
export function startRelay(
  outbox: Outbox,
  openBroker: () => Promise<Broker>,
  { logger }: { logger: Logger },
): Relay {
  const stop = new AbortController()
  const publisher = new OutboxPublisher(outbox.store, openBroker, logger)
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
  /** It resolves after this time at the latest. */
  readonly timeoutMs: number
  /** Also tries what is set aside. Default false. */
  readonly retrySetAside?: boolean
}

export interface RelayedOnce {
  /** Entries this call published. */
  readonly published: number
  /** Ready entries to this broker that are left. */
  readonly left: number
  /** Why the last attempt failed; undefined if none did. */
  readonly lastError: string | undefined
}

/**
 * Publishes what is ready and returns; if another relay works, waits for it to do so. A send
 * that is in flight at the timeout continues until the process ends; its entries are kept until the
 * broker acknowledges them.
 */
export async function relayOnce(
  outbox: Outbox,
  openBroker: () => Promise<Broker>,
  { logger, timeoutMs, retrySetAside = false }: RelayOnceOptions,
): Promise<RelayedOnce> {
  const stop = new AbortController()
  const { signal } = stop
  const publisher = new OutboxPublisher(outbox.store, openBroker, logger)
  if (retrySetAside) publisher.retrySetAside()
  const timer = setTimeout(() => stop.abort(), timeoutMs)
  await untilChangedOrAborted(run(outbox, publisher, { logger, signal, once: true }), signal)
  clearTimeout(timer)
  stop.abort()
  const { published, lastError } = publisher
  return { published, left: outbox.store.countReady(), lastError }
}

interface RunOptions {
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Ends when nothing is left to publish. */
  readonly once: boolean
}

/** Acquires the lease and publishes while it holds it; starts again after an error. Never rejects. */
async function run(
  outbox: Outbox,
  publisher: OutboxPublisher,
  { logger, signal, once }: RunOptions,
): Promise<void> {
  const settleIfDue = settleRegularly(outbox)
  let lease: RelayLease | undefined
  let failures = 0
  const release = async () => {
    const held = lease
    lease = undefined
    await publisher
      .close()
      .catch((error) => logger.warn({ err: error }, 'could not close the broker'))
    await held
      ?.release()
      .catch((error) => logger.warn({ err: error }, 'could not release the lease'))
  }
  while (!signal.aborted) {
    const changed = outbox.changed()
    try {
      lease ??= await outbox.store.acquireLease()
      if (lease) await settleIfDue()
      const result = lease ? await publisher.step(lease) : 'idle'
      if (result === 'idle') {
        if (once && (lease || outbox.store.countReady() === 0)) break
        await untilChangedOrAborted(changed, signal)
      }
      failures = result === 'failed' ? failures + 1 : 0
    } catch (error) {
      // Acquiring it again takes a write, so nothing is sent while the disk is full.
      await release()
      failures = error instanceof LeaseLost ? 0 : failures + 1
      if (failures > 0 && !signal.aborted) {
        logger.error({ err: error }, 'the relay failed; will try again')
      }
    }
    if (failures > 0) await pause(backOffMs(failures, backOff.baseMs, backOff.maxMs), signal)
  }
  await release()
}

function settleRegularly(outbox: Outbox): () => Promise<void> {
  let waitMs = settleInterval.baseMs
  let dueAtMs = Number.NEGATIVE_INFINITY
  return async () => {
    if (performance.now() < dueAtMs) return
    const left = await outbox.settle()
    waitMs = left === 0 ? settleInterval.baseMs : Math.min(settleInterval.maxMs, 2 * waitMs)
    dueAtMs = performance.now() + waitMs
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}

/** Resolves when `changed` does, or at the abort. Removes its listener: the signal lives as long as the relay. */
function untilChangedOrAborted(changed: Promise<void>, signal: AbortSignal): Promise<void> {
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
