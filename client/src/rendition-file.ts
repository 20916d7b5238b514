import { createHash, randomBytes } from 'node:crypto'
import { lstat, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import {
  parseProcessName,
  processName,
  processNamePattern,
  processState,
} from '@herald/runtime/process-identity'
import { cannotWrite } from './errors.js'

/** What a rendition's bytes must turn out to be. */
export interface ExpectedBytes {
  readonly sizeBytes: number
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

/** A rendition on its way to disk, under a temporary name. */
export interface RenditionFile {
  readonly temporaryPath: string
  /** Chunks in order, one at a time. Rejects with HERALD_DISK_FULL or HERALD_CANNOT_WRITE. */
  write(chunk: Uint8Array): Promise<void>
  /**
   * Resolves when the bytes are what was expected and synced. Rejects with
   * HERALD_DAMAGED_TRANSFER where they are not, with HERALD_DISK_FULL or
   * HERALD_CANNOT_WRITE where the disk takes no more or fails.
   */
  complete(expected: ExpectedBytes): Promise<void>
  /** Removes it. Idempotent; to be called in any case but success. */
  discard(): Promise<void>
}

/** Begins a temporary file in `directory`, which is made when absent. */
export async function saveRendition(directory: string): Promise<RenditionFile> {
  const path = temporaryPath(directory)
  const hash = createHash('sha256')
  let sizeBytes = 0
  const file = await writing(directory, async () => {
    await mkdir(directory, { recursive: true })
    return open(path, 'wx')
  })
  return {
    temporaryPath: path,
    async write(chunk) {
      hash.update(chunk)
      sizeBytes += chunk.byteLength
      // FileHandle.write may write less than it was given; this goes on from where it is.
      await writing(directory, () => file.writeFile(chunk))
    },
    async complete(expected) {
      if (sizeBytes !== expected.sizeBytes || hash.digest('hex') !== expected.sha256) {
        throw new HeraldError(
          'HERALD_DAMAGED_TRANSFER',
          'A rendition arrived other than the converter sent it.',
          { remedy: 'Try again; if it happens again, check the proxies between.' },
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

/** After that long, the file of a process that cannot be looked at is taken for left. */
const foreignMs = 24 * 60 * 60 * 1000

/** A new name in `directory`, of the same file system as the file it becomes, naming who writes it. */
export function temporaryPath(directory: string): string {
  return join(directory, `.herald-${processName}-${randomBytes(6).toString('hex')}.part`)
}

/**
 * Removes from `directory` the temporary files of processes that have ended. `stillWanted` is
 * asked after the folder was read: its answer spares the files that a kept announcement names.
 * What cannot be removed stays.
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
  if (state !== 'unknown') return state === 'dead'
  const status = await lstat(path).catch(() => undefined)
  return status !== undefined && Date.now() - status.mtimeMs > foreignMs
}
