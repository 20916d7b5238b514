import { setImmediate as nextTurn } from 'node:timers/promises'
import { HeraldError } from '@herald/proto'
import type { Logger } from '@herald/runtime'
import { processState } from '@herald/runtime/process-identity'
import type { OutboxEntry } from './outbox-entry.js'
import type { OutboxStore } from './outbox-store.js'
import { findFile, placeFiles, removeTemporary, withdrawFiles } from './place-files.js'

/** Entries looked at in one turn of the event loop: in an outage many wait. */
const maxPerTurn = 100

/** An entry of a process that cannot be judged is left to it for so long. */
const unknownOwnerMs = 60_000

/**
 * Continues what dead processes left prepared, and what this one placed and could not mark
 * (`unmarked`): if its files are complete under their final or temporary names it becomes ready; if
 * their folders are there without them it is dropped with a warning. If a folder cannot be looked at
 * it is kept, with the reason. What belongs to a process that cannot be judged is never dropped, and
 * made ready no sooner than a minute after it was prepared. Several may settle the same entry at
 * once. Resolves to the number of entries left.
 */
export async function settlePrepared(
  store: OutboxStore,
  logger: Logger,
  unmarked: Set<string>,
): Promise<number> {
  let left = 0
  let looked = 0
  for (const entry of store.prepared()) {
    looked += 1
    if (looked % maxPerTurn === 0) await nextTurn()
    if (processState(entry.owner) === 'alive' && !unmarked.has(entry.id)) continue
    const why = await settleEntry(store, entry, logger).catch(
      (error: Error) => `cannot be put in place: ${error.message}`,
    )
    if (why === undefined) unmarked.delete(entry.id)
    else {
      left += 1
      await keepPrepared(store, entry, why, logger).catch(() => {})
    }
  }
  return left
}

/** Resolves to undefined once it is ready or dropped, else to why it is neither. */
async function settleEntry(
  store: OutboxStore,
  { id, label, files, overwrite, folders, owner, createdAtMs }: OutboxEntry,
  logger: Logger,
): Promise<string | undefined> {
  const drop = async (why: string): Promise<undefined> => {
    await withdrawFiles(files)
    const dropped = await store.drop(id, 'prepared')
    if (dropped) logger.warn({ entry: id, label }, `dropped an announcement: ${why}`)
  }
  const isUnknown = processState(owner) === 'unknown'
  const notOurs = `process ${owner.pid} of another container or machine is placing its file, or was`
  if (isUnknown && Date.now() - createdAtMs <= unknownOwnerMs) return notOurs
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
  if (marked) logger.info({ entry: id }, 'settled what an earlier process left')
  return undefined
}

async function keepPrepared(store: OutboxStore, entry: OutboxEntry, why: string, logger: Logger) {
  if (entry.lastError === why) return
  const kept = await store.recordWhyPrepared(entry.id, why)
  const { id, label } = entry
  if (kept) logger.warn({ entry: id, label, reason: why }, 'kept an announcement')
}
