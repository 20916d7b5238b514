import type { Readable } from 'node:stream'

/**
 * Bytes by name, shared by every program that opens the same URL. A blob never changes: it is put
 * once, read, and deleted. It is there completely or not at all.
 */
export interface BlobStore {
  /** Its URL without parameters, for logs and errors. */
  readonly name: string
  /**
   * Resolves once the blob is durable. Rejects with BLOB_EXISTS if there is one of that key, which
   * stays as it is; with the error of the source if that fails. Then nothing is left behind, except
   * after a crash and if the store no longer answers: see `removeUnfinished`.
   */
  put(key: string, source: BlobSource): Promise<void>
  /**
   * Its bytes, or those of the range. Rejects with BLOB_MISSING. An error after the first byte is
   * one of the stream; the caller destroys a stream that it does not read to its end.
   */
  get(key: string, range?: ByteRange): Promise<Readable>
  /** Undefined if there is no such blob. */
  head(key: string): Promise<BlobFacts | undefined>
  /** Idempotent. */
  delete(key: string): Promise<void>
  /** Those whose key begins with `prefix`, in no particular order. Blobs may change meanwhile. */
  list(prefix: string): AsyncIterable<ListedBlob>
  /** Removes what puts that began before that time, by the store's clock, have left behind after a crash. */
  removeUnfinished(beforeMs: number): Promise<void>
  close(): Promise<void>
}

/**
 * A stream, or a complete and synced file, which is not changed afterwards: it may become the blob
 * by a hard link.
 */
export type BlobSource = Readable | { readonly path: string }

/** Both inclusive, from 0. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface BlobFacts {
  readonly sizeBytes: number
  /** By the store's clock: see readStoreClock. */
  readonly modifiedAtMs: number
}

export interface ListedBlob extends BlobFacts {
  readonly key: string
}

export type BlobErrorCode =
  | 'BLOB_BAD_URL'
  | 'BLOB_EXISTS'
  | 'BLOB_MISSING'
  | 'BLOB_NO_BUCKET'
  | 'BLOB_REFUSED'
  | 'BLOB_FULL'
  | 'BLOB_UNREACHABLE'
  | 'BLOB_FAILED'

/** An error of a blob store. `message` names the store and states what to do; it is for operators. */
export class BlobError extends Error {
  override readonly name = 'BlobError'
  readonly code: BlobErrorCode

  constructor(code: BlobErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** S3 takes no longer ones, counted in bytes of UTF-8. */
const maxKeyBytes = 1024

/**
 * Throws TypeError for a key that is not a path of names: no empty name, no `.` or `..`, no control
 * characters; its first name does not begin with a dot.
 */
export function checkKey(key: string): void {
  const names = key.split('/')
  const isValid =
    Buffer.byteLength(key) <= maxKeyBytes &&
    !key.startsWith('.') &&
    names.every((name) => name !== '' && name !== '.' && name !== '..') &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    !/[\u0000-\u001f\u007f\\]/.test(key)
  if (!isValid) throw new TypeError(`Invalid key of a blob: ${JSON.stringify(key)}.`)
}

export const existsError = (name: string, key: string) =>
  new BlobError('BLOB_EXISTS', `${name} has a blob ${key} already.`)

export const missingError = (name: string, key: string) =>
  new BlobError('BLOB_MISSING', `${name} has no blob ${key}.`)
