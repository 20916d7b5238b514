import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { chunkBytesOf, type Upload } from './convert-call.js'

/** A file that is there, can be read and holds something. */
export interface InputFile extends Upload {
  /** Absolute. */
  readonly path: string
  readonly sizeBytes: number
}

/**
 * Looks at the file at `given`, following links. Rejects with HERALD_UNREADABLE_FILE or
 * HERALD_EMPTY_FILE. The bytes are read when they are sent, not before.
 */
export async function inspectInput(given: string): Promise<InputFile> {
  const path = resolve(given)
  const status = await reading(async () => {
    const found = await stat(path)
    if (found.isFile()) await access(path, constants.R_OK)
    return found
  })
  if (status.isDirectory()) {
    throw new HeraldError('HERALD_UNREADABLE_FILE', 'This is a folder.', {
      remedy: 'Add --recursive to convert what is in it.',
    })
  }
  if (!status.isFile()) {
    throw new HeraldError('HERALD_UNREADABLE_FILE', 'This is not a regular file.', {
      remedy: 'Save what it yields to a file first.',
    })
  }
  if (status.size === 0) {
    throw new HeraldError('HERALD_EMPTY_FILE', 'The file is empty.', {
      remedy: 'Look where it came from: the copy or the download may have failed.',
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
  ELOOP: 'The link leads in a circle.',
  ENAMETOOLONG: 'The name is too long.',
  EACCES: 'Permission to read it is denied.',
  EPERM: 'Reading it is not permitted.',
  EIO: 'The disk fails to read it.',
}

async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new HeraldError(
      'HERALD_UNREADABLE_FILE',
      reasons[code ?? ''] ?? `It cannot be read: ${message}.`,
      { remedy: remedies[code ?? ''] ?? 'Check its name and the folder you are in.', cause: error },
    )
  }
}

const remedies: Record<string, string> = {
  EACCES: 'Run as its owner, or permit reading it.',
  EIO: 'Copy it from elsewhere.',
}
