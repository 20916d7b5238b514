import { createHash, randomBytes } from 'node:crypto'
import { lstat, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { createFolder } from '@herald/runtime/create-folder'
import {
  parseProcessName,
  processName,
  processNamePattern,
  processState,
} from '@herald/runtime/process-identity'
import { cannotWrite } from './errors.js'

/** Size and hash of a complete rendition, as the converter reports them. */
export interface ExpectedBytes {
  readonly sizeBytes: number
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

/** A rendition that is being saved under a temporary name. */
export interface RenditionFile {
  readonly temporaryPath: string
  /** Chunks in order, one at a time. Rejects with HERALD_DISK_FULL or HERALD_CANNOT_WRITE. */
  write(chunk: Uint8Array): Promise<void>
  /**
   * Checks the bytes and syncs them. Rejects with HERALD_DAMAGED_TRANSFER if they are not
   * `expected`, with HERALD_DISK_FULL or HERALD_CANNOT_WRITE.
   */
  complete(expected: ExpectedBytes): Promise<void>
  /** Removes it. Idempotent; to be called unless `complete` has resolved. */
  discard(): Promise<void>
}

/** Creates a temporary file in `directory`, and the folder if it is missing. */
export async function saveRendition(directory: string): Promise<RenditionFile> {
  const path = temporaryPath(directory)
  const hash = createHash('sha256')
  let sizeBytes = 0
  const file = await writing(directory, async () => {
    await createFolder(directory)
    return open(path, 'wx')
  })
  return {
    temporaryPath: path,
    async write(chunk) {
      hash.update(chunk)
      sizeBytes += chunk.byteLength
      // Unlike `write`, `writeFile` writes all bytes; it continues at the current position.
      await writing(directory, () => file.writeFile(chunk))
    },
    async complete(expected) {
      if (sizeBytes !== expected.sizeBytes || hash.digest('hex') !== expected.sha256) {
        throw new HeraldError(
          'HERALD_DAMAGED_TRANSFER',
          'A rendition was damaged on its way from the converter.',
          {
            remedy:
              'Try again. If it happens again, check the proxies between here and the converter.',
          },
        )
      }
      await writing(directory, async () => {
        await file.sync()
        await file.close()
      })
    },
    async discard() {
      await file.close().catch(() => {})
      await unlink(path).catch(() => {})
    },
  }
}

async function writing<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw cannotWrite(directory, error)
  }
}

const pattern = new RegExp(`^\\.herald-(${processNamePattern})-[0-9a-f]{12}\\.part$`)

/** After that time a file is removed if it cannot be known whether its process still runs. */
const foreignMs = 24 * 60 * 60 * 1000

/** A new temporary path in `directory`; it names the process that writes the file. */
export function temporaryPath(directory: string): string {
  return join(directory, `.herald-${processName}-${randomBytes(6).toString('hex')}.part`)
}

/**
 * Removes temporary files of processes that have ended from `directory`, except those in
 * `stillWanted`, which is called after the folder was read: announcements in the outbox name them.
 * Ignores files that cannot be removed.
 */
export async function removeLeftOvers(
  directory: string,
  stillWanted: () => ReadonlySet<string>,
): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  const found = names.filter((name) => pattern.test(name))
  if (found.length === 0) return
  const wanted = stillWanted()
  for (const name of found) {
    const path = join(directory, name)
    if (!wanted.has(path) && (await isLeftOver(path, name))) await unlink(path).catch(() => {})
  }
}

async function isLeftOver(path: string, name: string): Promise<boolean> {
  const [, writer = ''] = pattern.exec(name) ?? []
  const state = processState(parseProcessName(writer))
  if (state !== 'unknown') return state === 'ended'
  const status = await lstat(path).catch(() => undefined)
  return status !== undefined && Date.now() - status.mtimeMs > foreignMs
}
