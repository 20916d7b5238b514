import { BlobError } from './blob-store.js'

interface Place {
  readonly name: string
  readonly bucket: string
  readonly endpoint: string | undefined
}

interface SdkError extends Error {
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/** The HTTP status of the server's answer; undefined if there was none. */
export const s3StatusOf = (error: unknown) => (error as SdkError).$metadata?.httpStatusCode

const noConnection =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE)$/
/** Names of the SDK's errors and of servers' answers. */
const timedOut = /^(TimeoutError|RequestTimeout|NetworkingError)$/
const full = /^(InsufficientStorage|QuotaExceeded|XMinioStorageFull|StorageFull|NoSpaceLeft.*)$/

/** The BlobError for an error of the SDK; any other error as it is. */
export function s3Error({ name, bucket, endpoint }: Place, error: unknown): unknown {
  if (error instanceof BlobError || !(error instanceof Error)) return error
  const { name: kind, code = '', message } = error as SdkError
  const status = s3StatusOf(error)
  const options = { cause: error }
  const server = endpoint ?? 'S3'
  if (kind === 'NoSuchBucket' || (status === 404 && kind === 'NotFound')) {
    return new BlobError(
      'BLOB_NO_BUCKET',
      `${name}: ${server} has no bucket ${bucket}. Create it first.`,
      options,
    )
  }
  if (kind === 'CredentialsProviderError' || /^Region is missing/.test(message)) {
    return new BlobError(
      'BLOB_REFUSED',
      `${name}: ${message}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE, and the region.`,
      options,
    )
  }
  if (status === 401 || status === 403) {
    return new BlobError(
      'BLOB_REFUSED',
      `${name}: ${server} refused the request (${kind}). Check the credentials, and what they may do with the bucket.`,
      options,
    )
  }
  if (status === 507 || full.test(kind)) {
    return new BlobError('BLOB_FULL', `${name}: ${server} has no free space.`, options)
  }
  if (status === undefined && (noConnection.test(code) || timedOut.test(kind))) {
    return new BlobError(
      'BLOB_UNREACHABLE',
      `${name}: ${server} cannot be reached (${code || kind}).`,
      options,
    )
  }
  if (status === undefined) return error
  return new BlobError('BLOB_FAILED', `${name}: ${server} answered ${status} ${kind}.`, options)
}
