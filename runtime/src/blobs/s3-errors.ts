import { BlobError, type BlobErrorCode } from './blob-store.js'

interface Place {
  readonly name: string
  readonly bucket: string
  readonly endpoint: string | undefined
}

interface SdkError extends Error {
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
  /** What a server expects instead of the region it was given. */
  readonly Region?: string
}

/** The HTTP status of the server's answer; undefined if there was none. */
export const s3StatusOf = (error: unknown) => (error as SdkError).$metadata?.httpStatusCode

const noConnection =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE)$/
const noTls = /^(EPROTO|ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/
/** Names of the SDK's errors and of servers' answers. */
const timedOut = /^(TimeoutError|AbortError|RequestTimeout|NetworkingError)$/
const full = /^(InsufficientStorage|QuotaExceeded|XMinioStorageFull|StorageFull|NoSpaceLeft.*)$/

const rights =
  's3:ListBucket, GetObject, PutObject, DeleteObject, ListBucketMultipartUploads and AbortMultipartUpload'

/** Names of servers' answers about the caller: what is wrong, and what to do. */
const refusals: readonly (readonly [RegExp, string])[] = [
  [
    /^SignatureDoesNotMatch$/,
    'the secret does not belong to the access key. Check AWS_SECRET_ACCESS_KEY.',
  ],
  [
    /^(InvalidAccessKeyId|XAdminUserNotFound)$/,
    'the access key is unknown. Check AWS_ACCESS_KEY_ID, and that the server is the right one.',
  ],
  [
    /^(ExpiredToken|TokenRefreshRequired|InvalidToken|RequestExpired)$/,
    'the session token is invalid or has expired. Renew the credentials, or unset AWS_SESSION_TOKEN.',
  ],
  [/^RequestTimeTooSkewed$/, "its clock and this machine's differ. Set the clock of this machine."],
  [
    /^(AccessDenied|AllAccessDisabled|Forbidden)$/,
    `the credentials do not allow it. Allow them ${rights}.`,
  ],
]

const wrongRegion =
  /^(AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraintException)$/

/** The BlobError for an error of the SDK; any other error as it is. */
export function s3Error({ name, bucket, endpoint }: Place, error: unknown): unknown {
  if (error instanceof BlobError || !(error instanceof Error)) return error
  const { name: kind, code = '', message, Region } = error as SdkError
  const status = s3StatusOf(error)
  const server = endpoint ?? 'S3'
  const blobError = (as: BlobErrorCode, text: string) =>
    new BlobError(as, `${name}: ${text}`, { cause: error })

  if (kind === 'CredentialsProviderError' || /^Region is missing/.test(message)) {
    return blobError(
      'BLOB_REFUSED',
      `${message}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE, and the region.`,
    )
  }
  if (status === undefined) {
    if (noTls.test(code)) {
      return blobError(
        'BLOB_UNREACHABLE',
        `no TLS connection to ${server} (${code}). Check http or https in endpoint=, and the certificate; NODE_EXTRA_CA_CERTS names others to trust.`,
      )
    }
    if (!noConnection.test(code) && !timedOut.test(kind)) return error
    const why = timedOut.test(kind) ? 'no answer in time' : code
    const what =
      endpoint === undefined ? 'the region and the network' : 'that it runs, and endpoint='
    return blobError('BLOB_UNREACHABLE', `${server} cannot be reached (${why}). Check ${what}.`)
  }
  const refused = refusals.find(([names]) => names.test(kind))
  if (refused) {
    return blobError('BLOB_REFUSED', `${server} refused the request: ${refused[1]} (${kind})`)
  }
  if (wrongRegion.test(kind)) {
    const right = Region === undefined ? 'the right one' : `region=${Region}`
    return blobError(
      'BLOB_REFUSED',
      `${server} refused the request: the region is wrong. Add ${right} to the URL. (${kind})`,
    )
  }
  if (kind === 'NoSuchBucket' || (status === 404 && kind === 'NotFound')) {
    return blobError('BLOB_NO_BUCKET', `${server} has no bucket ${bucket}. Create it first.`)
  }
  // The answer to a HEAD has no name.
  const answer = /^(Unknown|UnknownError)$/.test(kind) ? String(status) : `${status} ${kind}`
  if (status === 401 || status === 403) {
    return blobError(
      'BLOB_REFUSED',
      `${server} refused the request (${answer}). Check the credentials, and what they may do with the bucket.`,
    )
  }
  if (status === 507 || full.test(kind)) {
    return blobError('BLOB_FULL', `${server} has no free space.`)
  }
  return blobError('BLOB_FAILED', `${server} answered ${answer}: ${message}`)
}
