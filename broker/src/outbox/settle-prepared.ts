import { setImmediate as nextTurn } from 'node:timers/promises'
import { HeraldError } from '@herald/proto'
import type { Logger } from '@herald/runtime'
import { processState } from '@herald/runtime/process-identity'
import type { OutboxEntry } from './outbox-entry.js'
import type { OutboxStore } from './outbox-store.js'
import { findFile, placeFiles, removeTemporary, withdrawFiles } from './place-files.js'

/** Entries visited in one turn of the event loop: in an outage there may be many. */
const maxPerTurn = 100

/** How long an entry is left to an owner of which it is unknown whether it runs. */
const unknownOwnerMs = 60_000

/**
 * Continues the entries that ended processes left prepared, and those that this process placed and
 * could not mark ready (`placedNotReady`). If the files are complete under their final or temporary
 * names, the entry becomes ready. If their folders exist without them, it is dropped with a warning. If
 * a folder is missing or cannot be read, it is kept with the reason. If it is unknown whether the owner
 * runs, because it is in another container, the entry is never dropped, and becomes ready a minute
 * after it was prepared at the earliest. Several processes may settle one entry at once. Resolves to
 * the number of entries left.
 */
export async function settlePrepared(
  store: OutboxStore,
  logger: Logger,
  placedNotReady: Set<string>,
): Promise<number> {
  let left = 0
  let visited = 0
  for (const entry of store.prepared()) {
    visited += 1
    if (visited % maxPerTurn === 0) await nextTurn()
    if (processState(entry.owner) === 'running' && !placedNotReady.has(entry.id)) continue
    const reason = await settleEntry(store, entry, logger).catch(
      (error: Error) => `cannot be put in place: ${error.message}`,
    )
    if (reason === undefined) placedNotReady.delete(entry.id)
    else {
      left += 1
      await recordReason(store, entry, reason, logger).catch(() => {})
    }
  }
  return left
}

/** Resolves to undefined once it is ready or dropped, else to the reason why it is neither. */
async function settleEntry(
  store: OutboxStore,
  { id, label, files, overwrite, folders, owner, createdAtMs }: OutboxEntry,
  logger: Logger,
): Promise<string | undefined> {
  const drop = async (reason: string): Promise<undefined> => {
    await withdrawFiles(files)
    const dropped = await store.drop(id, 'prepared')
    if (dropped) logger.warn({ entry: id, label, reason }, 'dropped an announcement')
  }
  const isUnknown = processState(owner) === 'unknown'
  const notOurs = `process ${owner.pid} of another container or machine is placing its file, or was`
  // It is in the future if the clock was set back.
  if (isUnknown && Math.abs(Date.now() - createdAtMs) <= unknownOwnerMs) return notOurs
  const found = await Promise.all(files.map((file) => findFile(file, folders)))
  for (const file of found) {
    if (file.state !== 'unknown') continue
    return `cannot look for its file in ${file.folder}; is it mounted?`
  }
  if (found.some(({ state }) => state === 'missing')) {
    return isUnknown ? notOurs : drop('its file was never completed')
  }
  try {
    await placeFiles(files, overwrite)
  } catch (error) {
    if (!(error instanceof HeraldError && error.code === 'HERALD_FILE_EXISTS')) throw error
    return drop('its name was taken meanwhile')
  }
  await removeTemporary(files)
  const marked = await store.markReady(id)
  if (marked) logger.info({ entry: id }, 'settled an entry of an earlier process')
  return undefined
}

async function recordReason(
  store: OutboxStore,
  entry: OutboxEntry,
  reason: string,
  logger: Logger,
) {
  if (entry.lastError === reason) return
  const kept = await store.recordWhyPrepared(entry.id, reason)
  const { id, label } = entry
  if (kept) logger.warn({ entry: id, label, reason }, 'kept an announcement')
}
