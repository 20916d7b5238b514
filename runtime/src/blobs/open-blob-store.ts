import { BlobError, type BlobStore } from './blob-store.js'
import { type BlobLocation, blobUrlForm, parseBlobUrl } from './blob-url.js'

/**
 * Opens the blob store of that URL, after a look whether it can be used. The folder is made if it is
 * missing, a bucket is not. Credentials for S3 are those of the AWS SDK's usual chain: environment
 * variables, the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name, or the machine's
 * role. To be closed by the caller. Rejects with BlobError.
 */
export async function openBlobStore(url: string): Promise<BlobStore> {
  const location = locationOf(url)
  if (location.kind === 'file') {
    const { openFileBlobs } = await import('./file-blobs.js')
    return openFileBlobs(location.directory)
  }
  // The SDK takes 300 ms to load.
  // On Node 20 the SDK prints six lines at each start about versions of it that are not installed.
  Object.assign(process.env, { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' })
  const { openS3Blobs } = await import('./s3-blobs.js')
  return openS3Blobs(location)
}

function locationOf(url: string): BlobLocation {
  try {
    return parseBlobUrl(url)
  } catch (error) {
    const why = (error as Error).message
    throw new BlobError('BLOB_BAD_URL', `Invalid blob store: ${why}; expected ${blobUrlForm}.`)
  }
}
