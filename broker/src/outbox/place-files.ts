import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, link, lstat, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { HeraldError } from '@herald/proto'
import { displayPath } from '@herald/runtime/terminal-text'
import type { OutboxFile } from './outbox-entry.js'

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

/** Errors of link(2) on a file system without hard links. */
const noHardLinks = new Set<unknown>(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/**
 * Gives files their final names and syncs the folders. May be called again after a crash or an error.
 * Without `overwrite` it rejects with HERALD_FILE_EXISTS if a name is taken by other content; then
 * `withdrawFiles` removes what was placed, which it recognizes by the temporary names. So call
 * `removeTemporary` last.
 */
export async function placeFiles(files: readonly OutboxFile[], overwrite: boolean): Promise<void> {
  // Checked first, so that usually no file is placed if one name is taken. Only the link itself is atomic.
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

/** Removes the temporary names of placed files. Ignores errors. */
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

/** Whether the file has its final name or can still get it. */
export async function isComplete(file: OutboxFile): Promise<boolean> {
  return (await findFile(file, {})).state === 'complete'
}

/** Device and inode of each folder of the files, temporary and final; missing folders are left out. */
export async function foldersOf(files: readonly OutboxFile[]): Promise<Record<string, string>> {
  const paths = files.flatMap((file) => [dirname(file.temporaryPath), dirname(file.finalPath)])
  const found = [...new Set(paths)].map(async (path) => [path, await identityOf(path)] as const)
  return Object.fromEntries((await Promise.all(found)).filter(([, identity]) => identity !== ''))
}

export type FoundFile =
  | { readonly state: 'complete' | 'missing' }
  | { readonly state: 'unknown'; readonly folder: string }

/**
 * Looks for the bytes of a file under both names. `missing`: both folders are the same as in
 * `folders`, and neither has it. `unknown`: a folder is missing, is another one (its disk is not
 * mounted) or cannot be read.
 */
export async function findFile(
  { temporaryPath, finalPath, sha256 }: OutboxFile,
  folders: Readonly<Record<string, string>>,
): Promise<FoundFile> {
  let unchecked: string | undefined
  // In this order: a process that is placing it removes the temporary name last.
  for (const path of [temporaryPath, finalPath]) {
    const folder = dirname(path)
    try {
      if ((await sha256Of(path)) === sha256) return { state: 'complete' }
      if ((await identityOf(folder)) !== folders[folder]) unchecked ??= folder
    } catch {
      unchecked ??= folder
    }
  }
  return unchecked === undefined ? { state: 'missing' } : { state: 'unknown', folder: unchecked }
}

/** Empty if the folder is missing or cannot be read. */
async function identityOf(folder: string): Promise<string> {
  const status = await stat(folder, { bigint: true }).catch(() => undefined)
  return status?.isDirectory() ? `${status.dev}:${status.ino}` : ''
}

async function requireFree(file: OutboxFile, overwrite: boolean): Promise<void> {
  const existing = await lstat(file.finalPath).catch(ignoreMissing)
  if (existing === undefined) return
  if (overwrite ? existing.isDirectory() : !(await isPlaced(file))) throw fileExists(file)
}

/** link(2) never replaces a file; rename(2) does. */
async function linkNew(file: OutboxFile): Promise<void> {
  try {
    await link(file.temporaryPath, file.finalPath)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') {
      if (!(await isPlaced(file))) throw fileExists(file)
    } else if (noHardLinks.has(code)) {
      // Not atomic: a file that another process creates at this moment would be replaced.
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
  if (await sameFile(temporaryPath, finalPath)) return true
  return (await sha256Of(finalPath).catch(() => undefined)) === sha256
}

async function sameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([
    stat(one, { bigint: true }).catch(() => undefined),
    stat(other, { bigint: true }).catch(() => undefined),
  ])
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}

/** Undefined if there is no file of that name. Rejects with the system's error if it cannot be read. */
async function sha256Of(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    if (!(await stat(path)).isFile()) return undefined
    await pipeline(createReadStream(path), hash)
  } catch (error) {
    return ignoreMissing(error)
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

function fileExists({ finalPath }: OutboxFile): HeraldError {
  return new HeraldError('HERALD_FILE_EXISTS', `${displayPath(finalPath)} already exists.`, {
    remedy: 'Move it away, choose another folder, or allow replacing it.',
  })
}
