import type { Logger } from '@herald/runtime'
import type { Ledger } from './ledger.js'

const everyMs = 6 * 3_600_000

/**
 * Drops records older than `retentionMs`, at the start and every six hours. It must be longer than
 * the topic keeps its events: a redelivered event without a record is sent again. Returns a
 * function that stops it.
 */
export function pruneRegularly(ledger: Ledger, retentionMs: number, logger: Logger) {
  let running: Promise<void> = Promise.resolve()
  const prune = () => {
    running = ledger.prune(ledger.now() - retentionMs).then(
      (pruned) => {
        if (pruned > 0) logger.info({ pruned }, 'old records dropped from the ledger')
      },
      (error) => logger.error({ err: error }, 'the ledger could not be pruned'),
    )
  }
  prune()
  const timer = setInterval(prune, everyMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}
