export {
  BlobError,
  type BlobErrorCode,
  type BlobFacts,
  type BlobSource,
  type BlobStore,
  type ByteRange,
  type ListedBlob,
} from './blob-store.js'
export { blobParameters, blobUrlForm, parseBlobUrl } from './blob-url.js'
export { openBlobStore } from './open-blob-store.js'
export { readStoreClock } from './store-clock.js'
