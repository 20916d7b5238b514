import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { copyFile, link, open, readdir, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { createFolder } from '../create-folder.js'
import {
  BlobError,
  type BlobSource,
  type BlobStore,
  checkKey,
  existsError,
  missingError,
} from './blob-store.js'

/** Holds blobs that are being put; no key begins with a dot. */
const unfinishedName = '.unfinished'

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code
const isMissing = (error: unknown) => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'

/** Errors of link(2) for a file of another file system, or of one without hard links. */
const cannotLink = new Set<unknown>(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** How often a put makes its folder again, if a delete removes it at the same moment. */
const maxAttempts = 5

/**
 * Blobs as files: the key is the path in the folder. A blob is written under a temporary name, synced,
 * and gets its name by link(2), which never replaces a file.
 */
export async function openFileBlobs(directory: string): Promise<BlobStore> {
  const name = pathToFileURL(directory).href
  const unfinished = join(directory, unfinishedName)
  const pathOf = (key: string) => {
    checkKey(key)
    return join(directory, ...key.split('/'))
  }
  const acting = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw blobError(name, error)
    }
  }
  await acting(() => createFolder(unfinished))

  async function write(source: BlobSource): Promise<string> {
    const temporary = join(unfinished, randomBytes(9).toString('hex'))
    try {
      if (source instanceof Readable) {
        await pipeline(source, createWriteStream(temporary, { flags: 'wx', flush: true }))
      } else await linkOrCopy(source.path, temporary)
      return temporary
    } catch (error) {
      await unlink(temporary).catch(() => {})
      throw error
    }
  }

  async function place(temporary: string, path: string, key: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await createFolder(dirname(path))
        await link(temporary, path)
        await syncFolders(directory, dirname(path))
        return
      } catch (error) {
        if (codeOf(error) === 'EEXIST') throw existsError(name, key)
        if (codeOf(error) !== 'ENOENT' || attempt === maxAttempts) throw error
      }
    }
  }

  return {
    name,
    put: (key, source) => {
      const path = pathOf(key)
      return acting(async () => {
        const temporary = await write(source)
        try {
          await place(temporary, path, key)
        } finally {
          await unlink(temporary).catch(() => {})
        }
      })
    },
    get: (key, range) => {
      const path = pathOf(key)
      return acting(async () => {
        const file = await open(path).catch(ignoreMissing)
        if (file && (await file.stat()).isFile()) return file.createReadStream(range)
        await file?.close()
        throw missingError(name, key)
      })
    },
    head: (key) => {
      const path = pathOf(key)
      return acting(async () => {
        const status = await stat(path).catch(ignoreMissing)
        if (!status?.isFile()) return undefined
        return { sizeBytes: status.size, modifiedAtMs: status.mtimeMs }
      })
    },
    delete: (key) => {
      const path = pathOf(key)
      return acting(async () => {
        await unlink(path).catch(ignoreMissing)
        // Folders that have become empty.
        for (let folder = dirname(path); folder !== directory; folder = dirname(folder)) {
          const removed = await rmdir(folder).then(
            () => true,
            () => false,
          )
          if (!removed) return
        }
      })
    },
    async *list(prefix) {
      // Only the folder that the prefix names is walked.
      const slash = prefix.lastIndexOf('/')
      const folder = slash < 0 ? directory : join(directory, ...prefix.slice(0, slash).split('/'))
      for await (const path of walk(folder)) {
        const key = relative(directory, path).split(sep).join('/')
        if (key.startsWith('.') || !key.startsWith(prefix)) continue
        const status = await stat(path).catch(ignoreMissing)
        if (status?.isFile()) yield { key, sizeBytes: status.size, modifiedAtMs: status.mtimeMs }
      }
    },
    removeUnfinished: (beforeMs) =>
      acting(async () => {
        for (const each of await readdir(unfinished).catch(() => [])) {
          const path = join(unfinished, each)
          // Not mtime: a file that was linked has the time of its bytes.
          const status = await stat(path).catch(ignoreMissing)
          if (status && status.ctimeMs < beforeMs) await unlink(path).catch(() => {})
        }
      }),
    async close() {},
  }
}

async function* walk(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else yield path
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!cannotLink.has(codeOf(error))) throw error
    await copyFile(from, to)
    const file = await open(to, 'r+')
    await file.sync().finally(() => file.close())
  }
}

/** Syncs `folder` and those above it, up to `root`: each may be new. */
async function syncFolders(root: string, folder: string): Promise<void> {
  const opened = await open(folder, 'r')
  await opened.sync().finally(() => opened.close())
  if (folder !== root) await syncFolders(root, dirname(folder))
}

function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error
}

function blobError(name: string, error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException
  // An error of the source, or one of ours.
  if (error instanceof BlobError || syscall === undefined) return error
  const options = { cause: error }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new BlobError('BLOB_FULL', `${name}: the disk is full. Free some space.`, options)
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new BlobError(
      'BLOB_REFUSED',
      `${name}: permission denied. Allow this user to write there, or choose another folder.`,
      options,
    )
  }
  if (syscall === 'mkdir' && (code === 'ENOTDIR' || code === 'EEXIST')) {
    return new BlobError(
      'BLOB_REFUSED',
      `${name}: a file is in the place of a folder. Move it away, or choose another folder.`,
      options,
    )
  }
  return new BlobError('BLOB_FAILED', `${name}: ${message}.`, options)
}
