import { type JobStore, maxExpiryMs } from '@herald/broker/job-store'
import type { Logger } from '@herald/runtime/logger'

const everyMs = 3_600_000
const dayMs = 86_400_000

/**
 * Removes jobs that ended longer ago than `keepMs`, now and every hour, and those that never ended
 * although they expired that long ago: their commands are lost. Every worker does this. Returns what stops it.
 */
export function sweepRegularly(
  store: JobStore,
  keepMs: number,
  logger: Logger,
): () => Promise<void> {
  let sweeping: Promise<void> = Promise.resolve()
  let isStopped = false
  const sweep = async () => {
    try {
      const now = await store.now()
      for (const { id, endedAtMs, submittedAtMs } of await store.list()) {
        if (isStopped) return
        if ((endedAtMs ?? submittedAtMs + maxExpiryMs) + keepMs < now) await store.remove(id)
      }
      await store.blobs.removeUnfinished(now - dayMs)
    } catch (error) {
      logger.warn({ err: error }, 'old jobs could not be removed')
    }
  }
  const start = () => {
    sweeping = sweep()
  }
  const timer = setInterval(start, everyMs)
  start()
  return () => {
    isStopped = true
    clearInterval(timer)
    return sweeping
  }
}
