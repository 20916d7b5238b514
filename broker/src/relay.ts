import type { Logger } from '@herald/runtime'
import { backOffMs } from './back-off.js'
import type { Broker } from './broker.js'
import type { RelayableOutbox, RelayLease } from './outbox.js'
import { LeaseLost } from './outbox-records.js'
import { Publisher } from './publish-ready.js'
import { Wake } from './wake.js'

const backOff = { baseMs: 200, capMs: 30_000 }
/** How often what others left prepared is read: more of it is being placed, and is none of ours. */
const settleEveryMs = 500

export interface Relay {
  /** Finishes the send in flight, closes the broker, gives up the lease. Idempotent. */
  stop(): Promise<void>
}

/**
 * Publishes what is or becomes ready in `outbox` until it is stopped; settles what dead processes
 * left. Of all relays on one outbox one works at a time, the others wait for its end. Entries go
 * in the order of their ids, one send in flight. When the broker fails, everything waits for a
 * back-off with jitter, 30 s at most; an entry with a fault of its own (too large) is kept and set
 * aside for a minute, then ever longer, and the others go on; where a topic is not allowed, that
 * topic alone waits. `openBroker` is called when there is something to publish first; the relay
 * closes the broker it returns. The outbox stays the caller's, to be closed after the relay.
 */
export function startRelay(
  outbox: RelayableOutbox,
  openBroker: () => Promise<Broker>,
  { logger }: { logger: Logger },
): Relay {
  const wake = new Wake(outbox)
  const running = run(outbox, openBroker, wake, { logger, once: false, retrySetAside: false })
  return {
    stop() {
      wake.end()
      return running.then(() => {})
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
  /** Ready entries that are still kept. */
  readonly left: number
  /** Why the last attempt failed; undefined when none did. */
  readonly lastFault: string | undefined
}

/**
 * Publishes what is ready and returns; where another relay works, waits for it to do so. A send
 * that is in flight when the time is over goes on until the process ends, its record is kept
 * until the broker acknowledges it.
 */
export async function relayOnce(
  outbox: RelayableOutbox,
  openBroker: () => Promise<Broker>,
  { logger, timeoutMs, retrySetAside = false }: RelayOnceOptions,
): Promise<RelayedOnce> {
  const wake = new Wake(outbox)
  const progress = { published: 0, lastFault: undefined as string | undefined }
  const running = run(outbox, openBroker, wake, { logger, once: true, retrySetAside, progress })
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([running, timeout])
  clearTimeout(timer)
  wake.end()
  return { ...progress, left: readyEntries(outbox) }
}

interface RunOptions {
  logger: Logger
  once: boolean
  retrySetAside: boolean
  progress?: { published: number; lastFault: string | undefined }
}

/** Waits for the lease and works under it, again and again. Never rejects. */
async function run(
  outbox: RelayableOutbox,
  openBroker: () => Promise<Broker>,
  wake: Wake,
  options: RunOptions,
): Promise<void> {
  const { logger, once } = options
  for (let failures = 0; !wake.ended; ) {
    try {
      const lease = await outbox.acquireLease()
      if (lease !== undefined) {
        await work(outbox, lease, openBroker, wake, options)
        failures = 0
        if (once) break
      } else {
        if (once && readyEntries(outbox) === 0) break
        await wake.news()
      }
    } catch (error) {
      if (error instanceof LeaseLost) logger.warn('another relay took over')
      else if (!wake.ended) logger.error({ err: error }, 'the relay failed; will try again')
      await wake.pause(backOffMs(++failures, backOff.baseMs, backOff.capMs))
    }
  }
  wake.end()
}

async function work(
  outbox: RelayableOutbox,
  lease: RelayLease,
  openBroker: () => Promise<Broker>,
  wake: Wake,
  { logger, once, retrySetAside, progress }: RunOptions,
): Promise<void> {
  const publisher = new Publisher(lease, openBroker, { logger, retrySetAside })
  try {
    let settledAt = Number.NEGATIVE_INFINITY
    for (let failures = 0; !wake.ended; ) {
      wake.reset()
      if (performance.now() - settledAt >= settleEveryMs) {
        await outbox.settle()
        settledAt = performance.now()
      }
      const result = await publisher.step()
      if (progress) {
        progress.published = publisher.published
        progress.lastFault = publisher.lastFault
      }
      if (result === 'failed') {
        await wake.pause(backOffMs(++failures, backOff.baseMs, backOff.capMs))
        continue
      }
      failures = 0
      if (result === 'progress') continue
      if (once) return await publisher.noted()
      await wake.news()
    }
  } finally {
    await publisher.close().catch((error) => logger.warn({ err: error }, 'could not close'))
    await lease.release()
  }
}

function readyEntries(outbox: RelayableOutbox): number {
  return outbox.entries().filter(({ state }) => state === 'ready').length
}
