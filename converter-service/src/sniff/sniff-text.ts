import { extname } from 'node:path'
import { declaredEncoding, decode, detectEncoding } from '../text-encoding.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it matches.
const controls = /[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]/

/**
 * The kind of text; undefined if it is not text. The content shows whether it is text or HTML.
 * Markdown, CSV and plain text cannot be told apart by content: for these the name decides.
 */
export function textFormat(head: Buffer, fileName: string): string | undefined {
  const text = textOf(head)
  if (text === undefined || text.trim() === '') return undefined
  if (isHtml(text)) return 'html'
  return formatByExtension.get(extname(fileName).toLowerCase()) ?? 'text'
}

const formatByExtension: ReadonlyMap<string, string> = new Map([
  ...['.md', '.markdown', '.mdown'].map((extension) => [extension, 'markdown'] as const),
  ...['.csv', '.tsv'].map((extension) => [extension, 'csv'] as const),
  ['.txt', 'text'],
])

/** Whether it may be text in some encoding of one or more bytes a character. */
export function looksLikeText(head: Buffer, fileName: string): boolean {
  const text = head.toString('latin1')
  // Fewer bytes may lack control characters by chance, so the name decides.
  const isNamedText = formatByExtension.has(extname(fileName).toLowerCase())
  return (head.length >= 64 || isNamedText) && /\S/.test(text) && !controls.test(text)
}

/** The characters, if there are no control characters among them. The last one may be cut off. */
function textOf(head: Buffer): string | undefined {
  const encoding =
    detectEncoding(head) ?? (isHtml(latin1(head)) ? declaredEncoding(head) : undefined)
  if (encoding === undefined) return undefined
  const text = decode(head, encoding)
  return controls.test(text) ? undefined : text
}

function latin1(head: Buffer): string {
  return head.toString('latin1', 0, 4096)
}

function isHtml(text: string): boolean {
  const start = text.slice(0, 4096).replace(/^\s*(?:<\?xml[^>]*\?>\s*|<!--[\s\S]*?-->\s*)*/, '')
  return /^<(?:!doctype\s+html|html|head|body|title|meta|h[1-6]|p|div|table|ul|ol)[\s>/]/i.test(
    start,
  )
}
