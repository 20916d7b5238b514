import { closeSync, openSync, readSync, statfsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname } from 'node:path'

export type StoreErrorCode =
  | 'STORE_NOT_WRITABLE'
  | 'STORE_FULL'
  | 'STORE_DAMAGED'
  | 'STORE_CLOSED'
  | 'STORE_UNREACHABLE'
  | 'STORE_FAILED'

/** An error of a store. `message` states what to do and may be shown to people. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const { EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EFBIG, EIO, ENOTDIR } = constants.errno
const forbidden: readonly unknown[] = [EACCES, EPERM, EROFS, 'EACCES', 'EPERM', 'EROFS']
const full: readonly unknown[] = [ENOSPC, EDQUOT, EFBIG, 'ENOSPC', 'EDQUOT']
/** lmdb.h: MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_VERSION_MISMATCH, MDB_INVALID. */
const damaged: readonly unknown[] = [-30797, -30796, -30794, -30793]
const MDB_PANIC = -30795

/** With less free space an I/O error is taken for a full disk. */
const nearlyFullBytes = 1024 * 1024

/** The error for a store that could not be opened. */
export function openError(directory: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  return describe(directory, error, 'cannot be opened')
}

/**
 * The error of a failed write: that of the change, or a StoreError if the commit failed. `fatal`: no
 * further write can succeed in this process.
 */
export async function writeError(
  directory: string,
  environment: { resetReadTxn(): void; get(key: string): unknown },
  error: unknown,
): Promise<{ error: unknown; fatal: boolean }> {
  if (!(error instanceof Error && 'commitError' in error)) {
    return {
      error: isSystemError(error) ? describe(directory, error, 'was not written') : error,
      fatal: false,
    }
  }
  const cause = await Promise.resolve(error.commitError).catch((reason: unknown) => reason)
  return { error: describe(directory, cause, 'was not written'), fatal: isPanicked(environment) }
}

/** LMDB's own errors have a numeric code, those of a change do not. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'number'
}

function isPanicked(environment: { resetReadTxn(): void; get(key: string): unknown }): boolean {
  try {
    environment.resetReadTxn()
    environment.get('x')
    return false
  } catch (error) {
    return (error as { code?: unknown }).code === MDB_PANIC
  }
}

function describe(directory: string, error: unknown, what: string): StoreError {
  const { code, message } = error as { code?: unknown; message: string }
  const why = { cause: error }
  if (forbidden.includes(code)) {
    return new StoreError(
      'STORE_NOT_WRITABLE',
      `The store in ${directory} ${what}: permission denied. Allow this user to write there, or choose another folder.`,
      why,
    )
  }
  if (full.includes(code) || (code === EIO && nearlyFull(directory))) {
    return new StoreError(
      'STORE_FULL',
      `The store in ${directory} ${what}: the disk is full. Free some space and try again; earlier writes are safe.`,
      why,
    )
  }
  if (code === EIO) {
    return new StoreError(
      'STORE_FAILED',
      `The store in ${directory} ${what}: the disk failed (${message}). It may be full or defective; earlier writes are safe.`,
      why,
    )
  }
  if (code === 'EEXIST' || code === 'ENOTDIR' || code === ENOTDIR) {
    return new StoreError(
      'STORE_FAILED',
      `The store in ${directory} ${what}: a file has the name of a folder. Move it away, or choose another folder.`,
      why,
    )
  }
  if (damaged.includes(code)) return damagedStore(directory, message, why)
  return new StoreError('STORE_FAILED', `The store in ${directory} ${what}: ${message}.`, why)
}

function damagedStore(directory: string, reason: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `The store in ${directory} cannot be opened: ${reason}. Restore a backup of the folder, or move it away to start with an empty store.`,
    options,
  )
}

function nearlyFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize < nearlyFullBytes
  } catch {
    return false
  }
}

/**
 * Throws if the file exists and is not an LMDB file, which would crash the process with a
 * segmentation fault. Returns whether it exists.
 */
export function requireStoreFile(path: string): boolean {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  try {
    // The meta page: its header is 24 bytes, then the magic number (mdb.c, MDB_meta).
    const head = Buffer.alloc(28)
    const length = readSync(file, head, 0, head.length, 0)
    if (length === 0) return false
    if (length < head.length || head.readUInt32LE(24) !== 0xbeefc0de) {
      throw damagedStore(dirname(dirname(path)), `${path} is not a store`)
    }
    return true
  } finally {
    closeSync(file)
  }
}
