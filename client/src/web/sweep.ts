import type { BlobStore } from '@herald/runtime/blobs'
import type { Logger } from '@herald/runtime/logger'
import type { Conversions } from './conversions.js'
import { logOutages } from './log-outages.js'
import { undoMs } from './record.js'
import { type Records, tokenPattern } from './records.js'

export interface Sweep {
  /** Ends a sweep under way after what it is removing. */
  close(): Promise<void>
}

export interface SweepOptions {
  readonly records: Records
  readonly conversions: Conversions
  readonly results: BlobStore
  readonly keepMs: number
  readonly logger: Logger
}

const maxPauseMs = 60_000
/** Each waits for several answers of the blob store. */
const removedAtOnce = 20
/** A list of all results costs a request for each thousand. */
const maxStrayPauseMs = 3_600_000
/** With several instances, the one whose timer is early must not wait for the next turn. */
const turnShare = 0.9

/**
 * Removes conversions whose retention, or whose time to undo a deletion, is over; now and regularly,
 * and by one instance at a time.
 */
export function startSweep(options: SweepOptions): Sweep {
  const { records, keepMs, logger } = options
  const pauseMs = Math.max(1000, Math.min(maxPauseMs, keepMs / 10))
  const strayPauseMs = Math.max(1000, Math.min(maxStrayPauseMs, keepMs / 10))
  let strayAfterMs = Number.NEGATIVE_INFINITY
  const logged = logOutages(logger, {
    failed: 'could not remove expired conversions; will retry',
    again: 'expired conversions are removed again',
  })
  const closing = new AbortController()
  const { signal } = closing
  let sweeping: Promise<void> | undefined

  const sweepOnce = async () => {
    if (await records.takeTurn('sweep', pauseMs * turnShare)) await removeExpired(options, signal)
    if (signal.aborted || performance.now() < strayAfterMs) return
    strayAfterMs = performance.now() + strayPauseMs
    if (await records.takeTurn('sweep strays', strayPauseMs * turnShare)) {
      await removeStray(options, signal)
    }
  }
  const sweep = () => {
    sweeping ??= logged(sweepOnce).finally(() => {
      sweeping = undefined
    })
  }
  const timer = setInterval(sweep, pauseMs)
  sweep()
  return {
    async close() {
      clearInterval(timer)
      closing.abort()
      await sweeping
    },
  }
}

async function removeExpired(
  { records, conversions, keepMs, logger }: SweepOptions,
  closing: AbortSignal,
) {
  const before = records.now() - keepMs
  const deletedBefore = records.now() - undoMs
  let removed = 0
  let isMore: boolean
  do {
    const found = [...(await records.deleted(deletedBefore)), ...(await records.expired(before))]
    const due = new Map(found.map((record) => [record.token, record]))
    for (const batch of batches([...due.values()], removedAtOnce)) {
      await Promise.all(batch.map((record) => conversions.remove(record)))
      removed += batch.length
      if (closing.aborted) break
    }
    isMore = due.size > 0
  } while (isMore && !closing.aborted)
  do isMore = await records.deleteOlder(before)
  while (isMore && !closing.aborted)
  if (removed > 0) logger.info({ removed }, 'removed expired conversions')
}

function batches<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size))
}

/** Results without a record, for example of an instance that was killed between the two. */
async function removeStray(
  { records, results, keepMs }: SweepOptions,
  closing: AbortSignal,
): Promise<void> {
  const before = records.now() - keepMs
  const known = new Map<string, boolean>()
  for await (const { key, modifiedAtMs } of results.list('')) {
    if (closing.aborted) return
    const [token = '', name, ...more] = key.split('/')
    // Nothing else is touched: the folder or bucket may hold files of others.
    const isResult = tokenPattern.test(token) && name !== undefined && more.length === 0
    if (!isResult || modifiedAtMs >= before) continue
    if (!known.has(token)) known.set(token, (await records.get(token)) !== undefined)
    if (!known.get(token)) await results.delete(key)
  }
  await results.removeUnfinished(before)
}
