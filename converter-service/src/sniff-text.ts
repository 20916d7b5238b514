import { extname } from 'node:path'

/**
 * Which kind of text it is; undefined where it is none. Bytes decide whether it is text, and
 * whether it is HTML. Markdown, CSV and plain text look the same, and to take one for another
 * does no harm: among these, and only these, the file's name decides.
 */
export function textFormat(head: Buffer, fileName: string): string | undefined {
  const text = decodeStrictly(head)
  if (text === undefined || text.trim() === '') return undefined
  if (isHtml(text)) return 'html'
  switch (extname(fileName).toLowerCase()) {
    case '.md':
    case '.markdown':
    case '.mdown':
      return 'markdown'
    case '.csv':
    case '.tsv':
      return 'csv'
    default:
      return 'text'
  }
}

/** UTF-8 without control characters. The last character may be cut off by the end of the head. */
function decodeStrictly(head: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
    return /[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

function isHtml(text: string): boolean {
  const start = text.slice(0, 4096).replace(/^\s*(?:<\?xml[^>]*\?>\s*|<!--[\s\S]*?-->\s*)*/, '')
  return /^<(?:!doctype\s+html|html|head|body|title|meta|h[1-6]|p|div|table|ul|ol)[\s>/]/i.test(
    start,
  )
}
