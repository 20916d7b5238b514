import { promisify } from 'node:util'
import { constants, gunzip, gunzipSync } from 'node:zlib'
import { HeraldError } from '@herald/proto/errors'
import { damaged } from './refusals.js'

/** The most that a drawing compressed with gzip (.svgz) may unpack to. */
const maxUnpackedBytes = 128 * 1024 ** 2
/** Comments and entity definitions may come before the root element, but no more than this. */
const searchedBytes = 1024 ** 2
/** Everything before the root element, a document type with its own definitions included. */
const prolog =
  /^\s*(?:<\?[\s\S]*?\?>\s*|<!--[\s\S]*?-->\s*|<!DOCTYPE(?:[^[>]|\[[\s\S]*?\]\s*(?=>))*>\s*)*/i
const declaration = /^<\?xml\s[^>]*\?>/

/** Whether the first bytes of a file are those of an SVG drawing, in any encoding, or gzipped. */
export function isSvg(head: Buffer): boolean {
  const bytes = isGzipped(head) ? unpackHead(head) : head
  // Rejects most files: XML begins with one of these.
  const start = bytes.toString('latin1', 0, 3)
  if (!/^[\s<]|^\xef\xbb\xbf|^\xff\xfe|^\xfe\xff/.test(start) && start[1] !== '<') return false
  return /^<(?:[\w-]+:)?svg[\s/>]/.test(decodeXml(bytes).replace(prolog, ''))
}

/**
 * The drawing in the only form that libvips reads: UTF-8, uncompressed, and `<svg` without a
 * prefix within the first 1,000 bytes.
 */
export async function normalizeSvg(file: Buffer): Promise<Buffer> {
  const bytes = isGzipped(file) ? await unpack(file) : file
  const isUtf8 = encodingOf(bytes) === 'utf-8'
  // The declaration names the old encoding.
  const body = isUtf8
    ? bytes.subarray(bytes.toString('latin1', 0, 3) === '\xef\xbb\xbf' ? 3 : 0)
    : Buffer.from(decodeXml(bytes).replace(declaration, ''))
  const at = declaration.exec(body.toString('latin1', 0, 1000))?.[0].length ?? 0
  return Buffer.concat([body.subarray(0, at), Buffer.from('<!--<svg-->'), body.subarray(at)])
}

/** The attributes of the root element, as written. */
export function rootAttributes(svg: Buffer): ReadonlyMap<string, string> {
  const attributes = findRoot(svg).attributes.matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)
  return new Map([...attributes].map(([, name = '', one, other]) => [name, one ?? other ?? '']))
}

/** The same drawing with these attributes of the root element set. */
export function withRootAttributes(svg: Buffer, changes: Readonly<Record<string, string>>): Buffer {
  const { before, element, attributes } = findRoot(svg)
  const kept = attributes.replace(/\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')/g, (all, name) =>
    name in changes ? '' : all,
  )
  const added = Object.entries(changes).map(([name, value]) => ` ${name}="${value}"`)
  const rest = svg.subarray(Buffer.byteLength(before + element + attributes))
  return Buffer.concat([Buffer.from(before + element + kept + added.join('')), rest])
}

/** The points of its paths and polygons: half of the numbers that describe them. */
export function countPoints(svg: Buffer): number {
  let numbers = 0
  const shapes = svg.toString('latin1').matchAll(/\s(?:d|points)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)
  for (const [, one, other = ''] of shapes) {
    for (const _number of (one ?? other).matchAll(/\d*\.?\d+(?:e[+-]?\d+)?/gi)) numbers++
  }
  return Math.ceil(numbers / 2)
}

function findRoot(svg: Buffer) {
  const text = svg.toString('utf8', 0, searchedBytes)
  const before = prolog.exec(text)?.[0] ?? ''
  const [, element = '', attributes = ''] =
    /^(<[\w:-]+)((?:\s+[^\s=>]+\s*=\s*(?:"[^"]*"|'[^']*'))*)/.exec(text.slice(before.length)) ?? []
  return { before, element, attributes }
}

function decodeXml(bytes: Buffer): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes)
}

/** XML 1.0, appendix F. An unknown encoding is read as UTF-8. */
function encodingOf(bytes: Buffer): string {
  const start = bytes.toString('latin1', 0, 200)
  if (/^(?:\xff\xfe|<\0)/.test(start)) return 'utf-16le'
  if (/^(?:\xfe\xff|\0<)/.test(start)) return 'utf-16be'
  const named = /^<\?xml\s[^>]*?encoding\s*=\s*["']([\w-]+)["']/.exec(start)?.[1] ?? 'utf-8'
  try {
    const { encoding } = new TextDecoder(named)
    // The declaration itself was read as ASCII.
    return encoding.startsWith('utf-16') ? 'utf-8' : encoding
  } catch {
    return 'utf-8'
  }
}

const isGzipped = (bytes: Buffer) => bytes[0] === 0x1f && bytes[1] === 0x8b

function unpackHead(head: Buffer): Buffer {
  try {
    // The end is missing. One byte unpacks to at most a thousand.
    return gunzipSync(head.subarray(0, 8192), { finishFlush: constants.Z_SYNC_FLUSH })
  } catch {
    return Buffer.alloc(0)
  }
}

async function unpack(bytes: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxUnpackedBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') {
      throw damaged('is damaged, or its end is missing', 'SVG')
    }
    throw new HeraldError(
      'HERALD_TOO_MUCH_MEMORY',
      `This SVG file unpacks to more than ${maxUnpackedBytes / 1024 ** 2} MB.`,
      { remedy: 'Make it simpler, or export it as PNG or PDF.', cause: error },
    )
  }
}
