import { fileURLToPath } from 'node:url'
import { BlobError } from './blob-store.js'

/** What a blob store's URL names. */
export type BlobLocation =
  | { readonly kind: 'file'; readonly directory: string }
  | {
      readonly kind: 's3'
      readonly bucket: string
      /** Empty, or ends with a slash. */
      readonly prefix: string
      /** Undefined: that of AWS. */
      readonly endpoint: string | undefined
      readonly region: string | undefined
    }

/** The forms of a blob store's URL. */
export const blobUrlForm =
  'file:///folder or s3://bucket/prefix?endpoint=https://host:9000&region=eu-central-1'

/** Throws BLOB_BAD_URL. Does not look whether it can be reached. */
export function parseBlobUrl(text: string): BlobLocation {
  const bad = () => new BlobError('BLOB_BAD_URL', `Invalid blob store: expected ${blobUrlForm}.`)
  if (!URL.canParse(text)) throw bad()
  const url = new URL(text)
  if (url.hash !== '' || url.username !== '' || url.password !== '') throw bad()
  if (url.protocol === 'file:') {
    if (!text.startsWith('file:///') || url.search !== '' || url.pathname === '/') throw bad()
    return { kind: 'file', directory: fileURLToPath(url) }
  }
  if (url.protocol !== 's3:' || !/^[a-z0-9][a-z0-9.-]{2,62}$/.test(url.hostname)) throw bad()
  if (url.port !== '') throw bad()
  const given = Object.fromEntries(url.searchParams)
  const { endpoint, region, ...unknown } = given
  if (Object.keys(unknown).length > 0) throw bad()
  if (endpoint !== undefined && !/^https?:\/\/[^\s/?#@]+\/?$/.test(endpoint)) throw bad()
  const path = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '')
  const prefix = path === '' ? '' : `${path}/`
  return { kind: 's3', bucket: url.hostname, prefix, endpoint, region }
}
