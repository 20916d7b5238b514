import { HeraldError } from '@herald/proto/errors'
import { type Entry, fromBufferPromise, openPromise, type ZipFile } from 'yauzl'
import { describeBytes } from '../../limits.js'

/** More parts than any document has. */
export const maxParts = 20_000
/** The most all parts of a document may have unpacked, those of documents within it included. */
export const maxUnpackedBytes = 256 * 1024 ** 2
/** Documents within documents; deeper nesting is refused. */
const maxDepth = 3
/** A document within a document is scanned in memory. */
const maxInnerBytes = 64 * 1024 ** 2

/** What affects how a document is opened. */
interface DocumentTraits {
  readonly hasTrackedChanges: boolean
  /** The stored values of its formulas are not valid. */
  readonly asksForCalculation: boolean
}

/**
 * Refuses a ZIP-based document that is a bomb, before anything else opens it: first by its
 * directory, then by unpacking all of it. Also refuses XML that declares entities, which no office
 * program writes. Rejects with HERALD_TOO_MANY_BYTES,
 * HERALD_CORRUPT_FILE, HERALD_LOCKED_FILE.
 */
export async function refuseBomb(path: string): Promise<DocumentTraits> {
  const zip = await openPromise(path, { autoClose: false }).catch((cause) => {
    throw damaged('its directory is missing', cause)
  })
  const unpacking = new Unpacking()
  await unpacking.unpackAll(zip, 1)
  return unpacking
}

class Unpacking implements DocumentTraits {
  hasTrackedChanges = false
  asksForCalculation = false
  #unpacked = 0

  async unpackAll(zip: ZipFile, depth: number): Promise<void> {
    if (depth > maxDepth) throw damaged('documents are nested too deeply')
    try {
      const entries = await readDirectory(zip)
      for (const entry of entries) await this.#unpack(zip, entry, depth)
    } catch (error) {
      if (error instanceof HeraldError) throw error
      throw damaged('a part of it cannot be unpacked', error)
    } finally {
      zip.close()
    }
  }

  async #unpack(zip: ZipFile, entry: Entry, depth: number): Promise<void> {
    if (entry.fileName.endsWith('/')) return
    const stream = await zip.openReadStreamPromise(entry)
    const xml = new XmlScanner(entry.fileName)
    const inner: Buffer[] = []
    let first = true
    let isZip = false
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      this.#unpacked += chunk.length
      if (this.#unpacked > maxUnpackedBytes) {
        stream.destroy()
        throw bomb('more than that')
      }
      if (first) isZip = chunk.toString('latin1', 0, 4) === 'PK\x03\x04'
      first = false
      if (isZip) inner.push(chunk)
      else xml.scan(chunk)
    }
    if (depth === 1) {
      this.hasTrackedChanges ||= xml.hasTrackedChanges
      this.asksForCalculation ||= xml.asksForCalculation
    }
    if (!isZip) return
    const bytes = Buffer.concat(inner)
    if (bytes.length > maxInnerBytes) throw bomb('a large archive within it')
    await this.unpackAll(await fromBufferPromise(bytes), depth + 1)
  }
}

/** Checks sizes and offsets: a bomb may give one offset many names. */
async function readDirectory(zip: ZipFile): Promise<Entry[]> {
  if (zip.entryCount > maxParts) {
    throw damaged(`it has ${zip.entryCount.toLocaleString('en')} parts`)
  }
  const entries: Entry[] = []
  for await (const entry of zip.eachEntry()) {
    entries.push(entry)
    if (entry.isEncrypted()) throw lockedDocument()
  }
  const declared = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0)
  if (declared > maxUnpackedBytes) throw bomb(describeBytes(declared))
  const byOffset = [...entries].sort((a, b) => headerOffset(a) - headerOffset(b))
  byOffset.reduce((end, entry) => {
    if (headerOffset(entry) < end) throw damaged('its parts overlap')
    return headerOffset(entry) + entry.compressedSize + 30
  }, 0)
  return entries
}

function headerOffset({ relativeOffsetOfLocalHeader }: Entry): number {
  return relativeOffsetOfLocalHeader
}

/** The one document type that an office program wrote: OpenOffice before 2.4, in its manifest. */
const harmless = /<!DOCTYPE manifest:manifest PUBLIC "[^"<>[\]]*" "Manifest\.dtd">/g
const forbidden = /<!(?:DOCTYPE|ENTITY)\s/

/** ECMA-376, part 1, 17.13.5: insertions, deletions, moves, formatting; OpenDocument 1.2, part 1, 5.5. */
const trackedChange =
  /<(?:\w+:)?(?:ins|del|moveFrom|moveTo|cellIns|cellDel|[a-zA-Z]+PrChange|changed-region)[\s>/]/
/** ECMA-376, part 1, 18.2.2. XlsxWriter and pandas write it, with 0 as the value of every formula. */
const calculation = /<(?:\w+:)?calcPr\s[^<>]*fullCalcOnLoad="(?:1|true)"/

/** Scans a part chunk by chunk. */
class XmlScanner implements DocumentTraits {
  hasTrackedChanges = false
  asksForCalculation = false
  readonly #isXml: boolean
  readonly #isManifest: boolean
  #tail = ''

  constructor(fileName: string) {
    this.#isXml = /\.(xml|rels|vml)$/i.test(fileName)
    this.#isManifest = fileName === 'META-INF/manifest.xml'
  }

  scan(chunk: Buffer): void {
    if (!this.#isXml) return
    // Without zero bytes, UTF-16 can be searched like UTF-8.
    const text = (this.#tail + chunk.toString('latin1').replaceAll('\0', '')).replace(harmless, '')
    if (forbidden.test(text)) {
      throw new HeraldError(
        'HERALD_CORRUPT_FILE',
        'This document declares XML entities, which can expand without limit or refer to other files. No office program writes them.',
        { remedy: 'Open it in the program it was made with and save it again.' },
      )
    }
    this.hasTrackedChanges ||= trackedChange.test(text)
    this.asksForCalculation ||= calculation.test(text)
    if (this.#isManifest && text.includes('<manifest:encryption-data')) throw lockedDocument()
    this.#tail = text.slice(-200)
  }
}

function bomb(size: string): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MANY_BYTES',
    `Unpacked, this document has ${size}; this server unpacks at most ${describeBytes(maxUnpackedBytes)}.`,
    { remedy: 'If it really is a document, save it with smaller pictures, or in parts.' },
  )
}

function damaged(why: string, cause?: unknown): HeraldError {
  return new HeraldError('HERALD_CORRUPT_FILE', `This document is damaged: ${why}.`, {
    remedy: 'Open it in the program it was made with and save it again.',
    ...(cause === undefined ? {} : { cause }),
  })
}

export function lockedDocument(): HeraldError {
  return new HeraldError('HERALD_LOCKED_FILE', 'This document is locked with a password.', {
    remedy: 'Open it with its password, save it without one, and upload that.',
  })
}
