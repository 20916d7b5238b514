import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { chunkBytesOf, type Upload } from './convert-call.js'

/** A readable file that is not empty. */
export interface InputFile extends Upload {
  /** Absolute. */
  readonly path: string
  readonly sizeBytes: number
}

/**
 * Checks the file at `given`, following links. Rejects with HERALD_UNREADABLE_FILE or
 * HERALD_EMPTY_FILE, for a folder with `folderRemedy`. Its bytes are read when they are sent.
 */
export async function inspectInput(
  given: string,
  folderRemedy = 'Add --recursive to convert the files in it.',
): Promise<InputFile> {
  const path = resolve(given)
  const status = await reading(async () => {
    const found = await stat(path)
    if (found.isFile()) await access(path, constants.R_OK)
    return found
  })
  if (status.isDirectory()) {
    throw new HeraldError('HERALD_UNREADABLE_FILE', 'This is a folder.', {
      remedy: folderRemedy,
    })
  }
  if (!status.isFile()) {
    throw new HeraldError('HERALD_UNREADABLE_FILE', 'This is not a regular file.', {
      remedy: 'Copy its content to a file first.',
    })
  }
  if (status.size === 0) {
    throw new HeraldError('HERALD_EMPTY_FILE', 'The file is empty.', {
      remedy: 'Copy or download it again.',
    })
  }
  return {
    path,
    name: basename(path),
    sizeBytes: status.size,
    async *open() {
      const stream = createReadStream(path, { highWaterMark: chunkBytesOf(status.size) })
      const chunks = stream[Symbol.asyncIterator]()
      for (;;) {
        const next = await reading(() => chunks.next())
        if (next.done) return
        yield next.value as Buffer
      }
    },
  }
}

const reasons: Record<string, string> = {
  ENOENT: 'There is no such file.',
  ENOTDIR: 'There is no such file.',
  ELOOP: 'The link points to itself.',
  ENAMETOOLONG: 'The name is too long.',
  EACCES: 'Permission denied.',
  EPERM: 'Permission denied.',
  EIO: 'The disk reports a read error.',
}

async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new HeraldError(
      'HERALD_UNREADABLE_FILE',
      reasons[code ?? ''] ?? `It cannot be read: ${message}.`,
      { remedy: remedies[code ?? ''] ?? 'Check the name and the current folder.', cause: error },
    )
  }
}

const remedies: Record<string, string> = {
  EACCES: 'Run Herald as the owner of the file, or change its permissions.',
  EIO: 'Use another copy of the file.',
}
