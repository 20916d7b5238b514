import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@herald/runtime/logger'
import type { Conversions } from './conversions.js'
import { undoMs } from './record.js'
import type { Records } from './records.js'

export interface Sweep {
  close(): Promise<void>
}

export interface SweepOptions {
  readonly records: Records
  readonly conversions: Conversions
  /** Holds the results, a folder for each conversion. */
  readonly directory: string
  readonly keepMs: number
  readonly logger: Logger
}

const longestPauseMs = 60_000

/** Removes conversions whose retention, or whose time to undo a deletion, is over; now and regularly. */
export function startSweep(options: SweepOptions): Sweep {
  const pauseMs = Math.max(1000, Math.min(longestPauseMs, options.keepMs / 10))
  let sweeping: Promise<void> | undefined
  const sweep = () => {
    sweeping ??= removeExpired(options)
      .catch((error: unknown) =>
        options.logger.warn({ err: error }, 'could not remove expired conversions'),
      )
      .finally(() => {
        sweeping = undefined
      })
  }
  const timer = setInterval(sweep, pauseMs)
  sweep()
  return {
    async close() {
      clearInterval(timer)
      await sweeping
    },
  }
}

async function removeExpired(options: SweepOptions): Promise<void> {
  const { records, conversions, directory, keepMs, logger } = options
  const before = Date.now() - keepMs
  let removed = 0
  const deletedBefore = Date.now() - undoMs
  for (const record of [...records.deleted(deletedBefore), ...records.expired(before)]) {
    await conversions.remove(record)
    removed += 1
  }
  for (const name of await readdir(directory).catch(() => [])) {
    // A folder without a record, for example after a full disk.
    if (records.get(name)) continue
    const { mtimeMs } = await stat(join(directory, name)).catch(() => ({ mtimeMs: Date.now() }))
    if (mtimeMs < before) await rm(join(directory, name), { recursive: true, force: true })
  }
  await records.deleteOlder(before)
  if (removed > 0) logger.info({ removed }, 'removed expired conversions')
}
