import { dirname } from 'node:path'
import type { Outbox, OutboxFile } from '@herald/broker/outbox'
import { isComplete, placeFiles, removeTemporary, withdrawFiles } from '@herald/broker/place-files'
import { HeraldError } from '@herald/proto/errors'
import { cannotWrite, fromStoreError } from './errors.js'

/**
 * Gives the files of a prepared entry their names. Where they have them and only the outbox could
 * not note it (its disk is full), that is no failure: the record is there, and the next command
 * announces. Rejects with HeraldError where they have not; then nothing of them stays.
 */
export async function placeOrKeep(
  outbox: Outbox,
  entryId: string,
  files: readonly OutboxFile[],
): Promise<void> {
  try {
    await outbox.place(entryId)
  } catch (error) {
    // The name was taken: the outbox has dropped the record and the files.
    if (error instanceof HeraldError) throw error
    const known = fromStoreError(error)
    if (known !== error && (await areComplete(files))) return
    // Where that cannot be written either, the record without its files is dropped later.
    await outbox.abandon(entryId).catch(() => {})
    throw known === error ? cannotWrite(dirname(files[0]?.finalPath ?? '.'), error) : known
  }
}

/**
 * Gives files their names without an announcement. Rejects with HERALD_FILE_EXISTS or the system's
 * error; then nothing of them stays.
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
