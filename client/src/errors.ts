import { HeraldError } from '@herald/proto/errors'
import { displayPath, escapeControls } from '@herald/runtime/terminal-text'

/** Whatever was thrown, as an error that may be shown to a person. */
export function toHeraldError(thrown: unknown): HeraldError {
  const error = fromStoreError(thrown)
  if (error instanceof HeraldError) return error
  return new HeraldError(
    'HERALD_INTERNAL',
    error instanceof Error ? error.message : String(error),
    { remedy: 'This is a bug in Herald; please report it.', cause: error },
  )
}

/** A HeraldError for an outbox that cannot be opened or written; any other error is returned as it is. */
export function fromStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'StoreError') return error
  const isFull = (error as { code?: unknown }).code === 'STORE_FULL'
  return new HeraldError(
    isFull ? 'HERALD_DISK_FULL' : 'HERALD_CANNOT_WRITE',
    escapeControls(error.message),
    {
      remedy: 'No file was saved. HERALD_DATA names the folder of the outbox.',
      cause: error,
    },
  )
}

const fullReasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'it is not a folder',
  EEXIST: 'it is not a folder',
}

/** The error of a folder in which no file can be written. */
export function cannotWrite(directory: string, error: unknown): HeraldError {
  const { code = '', message } = error as NodeJS.ErrnoException
  const full = fullReasons[code]
  const reason = full ?? reasons[code] ?? escapeControls(message)
  return new HeraldError(
    full === undefined ? 'HERALD_CANNOT_WRITE' : 'HERALD_DISK_FULL',
    `Cannot write to ${displayPath(directory)}: ${reason}.`,
    {
      remedy:
        full === undefined
          ? 'Make the folder writable, or choose another folder with --out.'
          : 'Free up some space, or choose another folder with --out.',
      cause: error,
    },
  )
}
