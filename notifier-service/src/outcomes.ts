import { type Broker, BrokerError } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import { StoreError } from '@herald/runtime/store'
import { type BackOff, backOffMs } from './back-off.js'
import type { Channel } from './channel.js'
import type { Ledger, NamedMail } from './ledger/ledger.js'
import { outcomeMessage } from './outcome-message.js'

export interface OutcomesOptions {
  readonly ledger: Pick<Ledger, 'pendingOutcomes' | 'onOutcome' | 'markAnnounced'>
  /** Called when the first outcome is published. The broker is closed with the announcer. */
  readonly openBroker: () => Promise<Broker>
  /** Where outcomes are published. */
  readonly topic: string
  readonly channel: Pick<Channel, 'name'>
  readonly logger: Logger
}

export interface Outcomes {
  /**
   * Publishes what is pending, unless the last publication failed: then it stays in the ledger for
   * the next process that opens it. Idempotent.
   */
  close(): Promise<void>
}

/** Most outcomes in one publication. */
const maxBatch = 500
/** How long outcomes are collected before they are published, in milliseconds. */
const collectMs = 50
/** How often to check for outcomes of processes that are gone, in milliseconds. */
const pollMs = 5000
const retryBackOff: BackOff = { firstMs: 500, capMs: 30_000 }

/**
 * Publishes the final outcome of each mail. The ledger is the outbox: it keeps an outcome from the
 * transaction that settles the mail until the broker has acknowledged it. At least once, with the
 * same id each time.
 */
export function announceOutcomes(options: OutcomesOptions): Outcomes {
  const { ledger, topic, channel, logger } = options
  /** Names of those that the broker rejects; tried again after the next start. */
  const rejected = new Set<string>()
  let broker: Broker | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let lastReason: string | undefined
  let working: Promise<void> | undefined
  let settledMeanwhile = false
  let collecting = false
  let closed: Promise<void> | undefined

  const stopListening = ledger.onOutcome(() => {
    if (working) settledMeanwhile = true
    else if (failures === 0 && !collecting) schedule(collectMs)
  })

  function schedule(afterMs: number): void {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(run, afterMs)
    timer.unref()
    collecting = afterMs === collectMs
  }

  function run(): void {
    collecting = false
    settledMeanwhile = false
    working = flush().then(
      () => {
        failures = 0
        lastReason = undefined
      },
      (error: unknown) => {
        failures += 1
        logFailure(error)
      },
    )
    void working.then(() => {
      working = undefined
      if (failures > 0) schedule(backOffMs(retryBackOff, failures))
      else schedule(settledMeanwhile ? collectMs : pollMs)
    })
  }

  /** Once for each reason: a broker or a database may be away for hours. */
  function logFailure(error: unknown): void {
    const isOutage = error instanceof BrokerError || error instanceof StoreError
    const reason = isOutage ? error.message : String(error)
    if (reason === lastReason) return
    lastReason = reason
    const fields = isOutage ? { reason } : { err: error }
    logger.warn(fields, 'outcomes could not be published; will try again')
  }

  async function flush(): Promise<void> {
    for (;;) {
      const pending = await ledger.pendingOutcomes(
        maxBatch,
        ({ event }) => !rejected.has(nameOf(event)),
      )
      if (pending.length === 0) return
      await publish(pending)
      if (pending.length < maxBatch) return
    }
  }

  async function publish(pending: readonly NamedMail[]): Promise<void> {
    try {
      broker ??= await options.openBroker()
      await broker.publish(
        topic,
        pending.map((outcome) => outcomeMessage(outcome, channel)),
      )
    } catch (error) {
      if (!(error instanceof BrokerError && error.rejectsMessage)) throw error
      const [only, ...others] = pending
      if (only === undefined) return
      if (others.length > 0) {
        for (const each of pending) await publish([each])
        return
      }
      rejected.add(nameOf(only.event))
      logger.error(
        { err: error, event: only.event.id },
        'the broker rejects an outcome: kept in the ledger',
      )
      return
    }
    await ledger.markAnnounced(pending)
  }

  run()
  return {
    close() {
      closed ??= (async () => {
        stopListening()
        clearTimeout(timer)
        await working
        if (failures === 0) await flush().catch(() => {})
        await broker?.close()
      })()
      return closed
    },
  }
}

const nameOf = ({ id, source }: NamedMail['event']) => `${source}\n${id}`
