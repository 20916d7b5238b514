import type { Logger } from '@herald/runtime'
import { type BackOff, backOffMs } from './back-off.js'
import type { Ledger, PendingOutcome } from './ledger/ledger.js'
import { isTheirOwn, type OutcomeAnnouncer } from './outcome-announcer.js'

export interface OutcomesOptions {
  readonly ledger: Ledger
  /** Closed here. */
  readonly announcer: OutcomeAnnouncer
  readonly logger: Logger
}

export interface Outcomes {
  /**
   * Announces what is pending, unless the broker failed last: then it stays in the ledger for the
   * next process on it. Idempotent.
   */
  close(): Promise<void>
}

/** Outcomes that go out together. */
const batchSize = 500
/** How long outcomes are gathered, in milliseconds. */
const gatherMs = 50
/** How often to look for those of processes that died, in milliseconds. */
const lookMs = 5000
const faultBackOff: BackOff = { firstMs: 500, capMs: 30_000 }

/**
 * Announces what became of each mail. The ledger is the outbox: it keeps an outcome from the
 * moment it is settled on until the broker has it. At least once, with the same id each time.
 */
export function announceOutcomes(options: OutcomesOptions): Outcomes {
  const { ledger, announcer, logger } = options
  /** Those that the topic does not take, until the next start. */
  const refused = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let working: Promise<void> | undefined
  let again = false
  let gathering = false
  let closed: Promise<void> | undefined

  const stopListening = ledger.onOutcome(() => {
    if (working) again = true
    else if (failures === 0 && !gathering) wake(gatherMs)
  })

  function wake(afterMs: number): void {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(run, afterMs)
    timer.unref()
    gathering = afterMs === gatherMs
  }

  function run(): void {
    gathering = false
    again = false
    working = hand().then(
      () => {
        failures = 0
      },
      (error: unknown) => {
        failures += 1
        logger.warn({ err: error }, 'outcomes could not be announced; will try again')
      },
    )
    void working.then(() => {
      working = undefined
      if (failures > 0) wake(backOffMs(faultBackOff, failures))
      else wake(again ? gatherMs : lookMs)
    })
  }

  async function hand(): Promise<void> {
    for (;;) {
      const pending = ledger.pendingOutcomes(batchSize, ({ event }) => !refused.has(nameOf(event)))
      if (pending.length === 0) return
      await announce(pending)
      if (pending.length < batchSize) return
    }
  }

  async function announce(pending: readonly PendingOutcome[]): Promise<void> {
    try {
      await announcer.announce(pending)
    } catch (error) {
      if (!isTheirOwn(error)) throw error
      const [only, ...others] = pending
      if (only === undefined) return
      if (others.length > 0) {
        for (const each of pending) await announce([each])
        return
      }
      refused.add(nameOf(only.event))
      logger.error({ err: error, event: only.event.id }, 'an outcome cannot be announced: kept')
      return
    }
    await ledger.outcomesTaken(pending)
  }

  run()
  return {
    close() {
      closed ??= (async () => {
        stopListening()
        clearTimeout(timer)
        await working
        if (failures === 0) await hand().catch(() => {})
        await announcer.close()
      })()
      return closed
    },
  }
}

const nameOf = ({ id, source }: PendingOutcome['event']) => `${source}\n${id}`
