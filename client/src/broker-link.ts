import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, BrokerError, openBroker } from '@herald/broker'
import { HeraldError } from '@herald/proto/errors'
import { silentLogger } from '@herald/runtime/logger'

/** How long a broker may take to be there before the work begins without it. */
const headStartMs = 300

/** The way to a broker that may not be there. */
export interface BrokerLink {
  /** Begins to open the broker. Rejects with HERALD_USAGE where nothing speaks its URL. */
  open(): Promise<void>
  /** The broker, for a relay, which closes it. Rejects with BrokerError. */
  readonly take: () => Promise<Broker>
  /** Resolves once the broker could not be opened; else never. */
  readonly failed: Promise<undefined>
  /** Why it could not, the last time. */
  readonly fault: string | undefined
  /**
   * Whether a consumer has ever joined the topic; undefined if the broker is not open here or cannot
   * answer. Does not reject.
   */
  hasHadConsumers(topic: string): Promise<boolean | undefined>
  /** Closes a broker that nobody took. Idempotent. */
  close(): Promise<void>
}

export function linkBroker(url: string): BrokerLink {
  let fault: BrokerError | undefined
  let untaken: Promise<Broker> | undefined
  let opened: Broker | undefined
  let fail = () => {}
  const failed = new Promise<undefined>((resolve) => {
    fail = () => resolve(undefined)
  })
  const open = () => {
    const opening = openBroker(url, { logger: silentLogger })
    opening.then(
      (broker) => {
        opened = broker
      },
      () => {},
    )
    opening.catch((error: unknown) => {
      fault =
        error instanceof BrokerError
          ? error
          : new BrokerError('BROKER_FAILED', String((error as Error).message), { cause: error })
      fail()
    })
    return opening
  }
  return {
    failed,
    get fault() {
      return fault?.message
    },
    async open() {
      untaken ??= open()
      const ready = untaken.then(
        () => {},
        () => {},
      )
      await Promise.race([ready, sleep(headStartMs, undefined, { ref: false })])
      if (fault?.code !== 'BROKER_BAD_URL') return
      throw new HeraldError('HERALD_USAGE', `HERALD_BROKER: ${fault.message}`, { cause: fault })
    },
    take() {
      const broker = untaken ?? open()
      untaken = undefined
      return broker
    },
    async hasHadConsumers(topic) {
      try {
        return await opened?.hasHadConsumers?.(topic)
      } catch {
        return undefined
      }
    },
    async close() {
      const broker = await untaken?.catch(() => undefined)
      untaken = undefined
      await broker?.close()
    },
  }
}
