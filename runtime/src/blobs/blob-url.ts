import { fileURLToPath } from 'node:url'
import { InvalidValue } from '../env.js'

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

/** Parameters of the URL. They hold no secret. */
export const blobParameters = ['endpoint', 'region'] as const

/** Throws InvalidValue. Does not look whether it can be reached. */
export function parseBlobUrl(text: string): BlobLocation {
  const bad = (why: string) => new InvalidValue(why)
  if (!/^(file|s3):\/\//.test(text)) throw bad('it begins with neither file:// nor s3://')
  if (!URL.canParse(text)) throw bad('it is not a URL')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') throw bad('it has a user or a password')
  if (url.hash !== '') throw bad('it has a fragment (#)')
  if (url.protocol === 'file:') {
    if (!text.startsWith('file:///')) throw bad('it names a host; a folder has three slashes')
    if (url.search !== '') throw bad('a folder has no parameters (?)')
    if (url.pathname === '/') throw bad('it names no folder')
    return { kind: 'file', directory: decoded(() => fileURLToPath(url)) }
  }
  if (!/^[a-z0-9][a-z0-9.-]{2,62}$/.test(url.hostname)) {
    throw bad('the bucket is not a name of 3 to 63 lower-case letters, digits, dots and dashes')
  }
  if (url.port !== '') throw bad('the bucket has a port; endpoint= names the server')
  const given = Object.fromEntries(url.searchParams)
  const { endpoint, region, ...unknown } = given
  if (Object.keys(unknown).length > 0) {
    throw bad(`it has a parameter other than ${blobParameters.join(', ')}`)
  }
  if (endpoint !== undefined && !isEndpoint(endpoint)) {
    throw bad('endpoint is not an http or https URL of a host alone')
  }
  const path = decoded(() => decodeURIComponent(url.pathname)).replace(/^\/+|\/+$/g, '')
  const prefix = path === '' ? '' : `${path}/`
  return { kind: 's3', bucket: url.hostname, prefix, endpoint, region }
}

const isEndpoint = (text: string) => /^https?:\/\/[^\s/?#@]+\/?$/.test(text) && URL.canParse(text)

function decoded(decode: () => string): string {
  try {
    return decode()
  } catch {
    throw new InvalidValue('the path is not percent-encoded (a % is written %25)')
  }
}
