import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, link, lstat, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { HeraldError } from '@herald/proto'
import type { OutboxFile } from './outbox.js'

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

/** What link(2) answers on a file system without hard links. */
const noHardLinks: readonly (string | undefined)[] = [
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]

/**
 * Gives files their final names and syncs the folders. Without `overwrite`, all of them or, when
 * one name is taken by other content, none: rejects with HERALD_FILE_EXISTS, `withdrawFiles` then
 * takes back the others. Calling it again after a crash or a fault goes on where it was. While both
 * names are there, what was placed can be told and taken back: `removeTemporary` comes after it.
 */
export async function placeFiles(files: readonly OutboxFile[], overwrite: boolean): Promise<void> {
  // Looking first spares the others where one is taken; linking decides.
  if (overwrite || files.length > 1) for (const file of files) await requireFree(file, overwrite)
  const folders = [...new Set(files.map(({ finalPath }) => dirname(finalPath)))]
  const opening = Promise.allSettled(folders.map((folder) => open(folder, 'r')))
  try {
    for (const file of files) await (overwrite ? replace(file) : linkNew(file))
    for (const opened of await opening) {
      if (opened.status === 'rejected') throw opened.reason
      await opened.value.sync()
    }
  } finally {
    void opening.then(close)
  }
}

/** Removes the names that placed files had before. What cannot be removed stays. */
export async function removeTemporary(files: readonly OutboxFile[]): Promise<void> {
  await Promise.all(files.map(({ temporaryPath }) => unlink(temporaryPath).catch(() => {})))
}

/** Removes temporary files, and final names that `placeFiles` gave before it failed. */
export async function withdrawFiles(files: readonly OutboxFile[]): Promise<void> {
  for (const { temporaryPath, finalPath } of files) {
    if (await sameFile(temporaryPath, finalPath)) await removeIfThere(finalPath)
    await removeIfThere(temporaryPath)
  }
}

/** Whether the file can still get its final name, or has it. */
export async function isComplete({ temporaryPath, finalPath, sha256 }: OutboxFile) {
  return (await sha256Of(finalPath)) === sha256 || (await sha256Of(temporaryPath)) === sha256
}

async function requireFree(file: OutboxFile, overwrite: boolean): Promise<void> {
  const standing = await lstat(file.finalPath).catch(ignoreMissing)
  if (standing === undefined) return
  if (overwrite ? standing.isDirectory() : !(await isPlaced(file))) throw taken(file)
}

/** A link is never made over something that is there; a rename would silently be. */
async function linkNew(file: OutboxFile): Promise<void> {
  try {
    await link(file.temporaryPath, file.finalPath)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') {
      if (!(await isPlaced(file))) throw taken(file)
    } else if (noHardLinks.includes(code)) {
      // Here somebody else's file of the same instant could be replaced.
      await requireFree(file, false)
      await replace(file)
    } else if (code !== 'ENOENT' || !(await isPlaced(file))) throw error
  }
}

async function replace(file: OutboxFile): Promise<void> {
  try {
    await rename(file.temporaryPath, file.finalPath)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || !(await isPlaced(file))) throw error
  }
}

async function isPlaced({ temporaryPath, finalPath, sha256 }: OutboxFile): Promise<boolean> {
  return (await sameFile(temporaryPath, finalPath)) || (await sha256Of(finalPath)) === sha256
}

async function sameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([
    stat(one, { bigint: true }).catch(() => undefined),
    stat(other, { bigint: true }).catch(() => undefined),
  ])
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}

/** Undefined where there is no readable file. */
async function sha256Of(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    if (!(await stat(path)).isFile()) return undefined
    await pipeline(createReadStream(path), hash)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(codeOf(error) ?? '')) return undefined
    throw error
  }
  return hash.digest('hex')
}

function close(folders: readonly PromiseSettledResult<FileHandle>[]): void {
  for (const folder of folders) {
    if (folder.status === 'fulfilled') folder.value.close().catch(() => {})
  }
}

async function removeIfThere(path: string): Promise<void> {
  await unlink(path).catch(ignoreMissing)
}

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}

function taken({ finalPath }: OutboxFile): HeraldError {
  return new HeraldError('HERALD_FILE_EXISTS', `${finalPath} is there already.`, {
    remedy: 'Move it away, choose another folder, or allow replacing it.',
  })
}
