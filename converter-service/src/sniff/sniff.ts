import { fileTypeFromBuffer } from 'file-type'
import { isDibHeaderSize } from '../engines/image/dib.js'
import { isSvg } from '../engines/image/svg-text.js'
import { formatCatalogue } from '../formats.js'
import { markedEncoding } from '../text-encoding.js'
import { describeFile } from './known-files.js'
import { looksLikeText, textFormat } from './sniff-text.js'

/** How many bytes of a file are enough to detect its format. */
export const sniffBytes = 64 * 1024

export type Container = 'zip' | 'cfb'

/** What a file is, by its first bytes. */
export type Sniffed =
  /** A format of the catalogue. */
  | { readonly kind: 'format'; readonly name: string }
  /** Another known type: `a PDF document`. */
  | { readonly kind: 'other'; readonly description: string }
  /** Its format is known only from the whole file; see `sniffContainer`. */
  | { readonly kind: 'container'; readonly container: Container }
  | { readonly kind: 'unknown' }

export const undecodableText =
  'a text file in an encoding other than UTF-8, UTF-16 and windows-1250 to -1252'
const unknown: Sniffed = { kind: 'unknown' }

/**
 * Detects a file's type from its first `sniffBytes` bytes (or all it has). Its name matters
 * only among kinds of plain text; see `textFormat`.
 */
export async function sniff(head: Buffer, fileName = ''): Promise<Sniffed> {
  const start = head.toString('latin1', 0, 8)
  if (start.startsWith('PK\x03\x04')) return { kind: 'container', container: 'zip' }
  if (start === '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1') return { kind: 'container', container: 'cfb' }
  if (isSvg(head)) return { kind: 'format', name: 'svg' }
  if (isPdf(head)) return { kind: 'format', name: 'pdf' }
  // The detector reads the byte order mark of UTF-16 as the start of an MP3.
  const text = markedEncoding(head)?.startsWith('utf-16') ? byText(head, fileName) : unknown
  if (text.kind === 'format') return text
  const detected = await fileTypeFromBuffer(head)
  // The detector needs more than the signature, and fails if the directory is far from it.
  if (!detected) return bySignature(head) ?? byText(head, fileName)
  const { ext, mime } = detected
  const name = ext === 'apng' ? 'png' : ext
  // Two letters are not enough: many a text begins with BM.
  if (name === 'bmp' && head.length >= 18 && !isDibHeaderSize(head.readUInt32LE(14))) {
    return byText(head, fileName)
  }
  if (name === 'xml') {
    const page = byText(head, '')
    if (page.kind === 'format' && page.name === 'html') return page
  }
  const format = formatCatalogue.find(({ extensions }) => extensions.includes(name))
  return format
    ? { kind: 'format', name: format.name }
    : { kind: 'other', description: describeFile(ext, mime) }
}

const signatures: readonly (readonly [string, string])[] = [
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['\xff\xd8\xff', 'jpeg'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['II*\0', 'tiff'],
  ['MM\0*', 'tiff'],
  ['II+\0', 'tiff'],
  ['MM\0+', 'tiff'],
]

function bySignature(head: Buffer): Sniffed | undefined {
  const start = head.toString('latin1', 0, 8)
  const name = signatures.find(([signature]) => start.startsWith(signature))?.[1]
  return name ? { kind: 'format', name } : undefined
}

function byText(head: Buffer, fileName: string): Sniffed {
  const name = textFormat(head, fileName)
  if (name) return { kind: 'format', name }
  return looksLikeText(head, fileName) ? { kind: 'other', description: undecodableText } : unknown
}

/** Readers accept a header within the first 1,024 bytes: mail programs insert lines before it. */
function isPdf(head: Buffer): boolean {
  return /%PDF-\d\.\d/.test(head.toString('latin1', 0, 1024 + 8))
}
