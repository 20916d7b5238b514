import { dirname } from 'node:path'
import type { Outbox, OutboxFile } from '@herald/broker/outbox'
import { isComplete, placeFiles, removeTemporary, withdrawFiles } from '@herald/broker/place-files'
import { HeraldError } from '@herald/proto/errors'
import { cannotWrite, fromStoreError } from './errors.js'

/**
 * Gives the files of a prepared entry their final names. If only the outbox could not record that
 * (its disk is full), this resolves: the entry exists, and the next command announces it. Rejects
 * with HeraldError if a file got no final name; then no file stays.
 */
export async function placeOrKeep(
  outbox: Outbox,
  entryId: string,
  files: readonly OutboxFile[],
): Promise<void> {
  try {
    await outbox.place(entryId)
  } catch (error) {
    // A file with that name exists: the outbox has dropped the entry and the files.
    if (error instanceof HeraldError) throw error
    const known = fromStoreError(error)
    if (known !== error && (await areComplete(files))) return
    // If this fails, too, the entry is dropped later: its files are gone.
    await outbox.abandon(entryId).catch(() => {})
    throw known === error ? cannotWrite(dirname(files[0]?.finalPath ?? '.'), error) : known
  }
}

/**
 * Gives files their final names without an announcement. Rejects with HERALD_FILE_EXISTS or the
 * system's error; then no file stays.
 */
export async function placeUnannounced(
  files: readonly OutboxFile[],
  overwrite: boolean,
): Promise<undefined> {
  try {
    await placeFiles(files, overwrite)
  } catch (error) {
    await withdrawFiles(files)
    throw error
  }
  await removeTemporary(files)
}

async function areComplete(files: readonly OutboxFile[]): Promise<boolean> {
  return !(await Promise.all(files.map(isComplete))).includes(false)
}
