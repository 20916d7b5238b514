import { link, readFile, writeFile } from 'node:fs/promises'
import MarkdownIt from 'markdown-it'
import {
  declaredEncoding,
  decode,
  markedEncoding,
  readText,
  textEncoding,
} from '../../text-encoding.js'
import type { SourceFile } from '../engine.js'
import { prepareTable } from './table-sheet.js'

/** How LibreOffice opens a format: its module and import filter. */
interface DocumentKind {
  readonly module: 'writer' | 'calc' | 'impress'
  readonly importFilter: string
  readonly extension: string
  readonly isZip?: true
  /** Writes the file that LibreOffice opens to `target`. */
  readonly prepare: (source: SourceFile, target: string) => Promise<void>
}

const writer = 'writer'
const calc = 'calc'
const impress = 'impress'
const html = { module: writer, importFilter: 'HTML (StarWriter)', extension: 'html' } as const
const asItIs = { prepare: ({ path }: SourceFile, target: string) => link(path, target) }
const zipped = { ...asItIs, isZip: true } as const

/** With the filter named, LibreOffice neither guesses nor uses any other filter. */
export const documentKinds: Readonly<Record<string, DocumentKind>> = {
  docx: { module: writer, importFilter: 'MS Word 2007 XML', extension: 'docx', ...zipped },
  doc: { module: writer, importFilter: 'MS Word 97', extension: 'doc', ...asItIs },
  xlsx: { module: calc, importFilter: 'Calc MS Excel 2007 XML', extension: 'xlsx', ...zipped },
  xls: { module: calc, importFilter: 'MS Excel 97', extension: 'xls', ...asItIs },
  pptx: {
    module: impress,
    importFilter: 'Impress MS PowerPoint 2007 XML',
    extension: 'pptx',
    ...zipped,
  },
  ppt: { module: impress, importFilter: 'MS PowerPoint 97', extension: 'ppt', ...asItIs },
  odt: { module: writer, importFilter: 'writer8', extension: 'odt', ...zipped },
  ods: { module: calc, importFilter: 'calc8', extension: 'ods', ...zipped },
  odp: { module: impress, importFilter: 'impress8', extension: 'odp', ...zipped },
  rtf: { module: writer, importFilter: 'Rich Text Format', extension: 'rtf', prepare: prepareRtf },
  html: { ...html, prepare: prepareHtml },
  markdown: { ...html, prepare: prepareMarkdown },
  text: {
    module: writer,
    importFilter: 'Text (encoded):UTF8',
    extension: 'txt',
    prepare: prepareText,
  },
  csv: {
    module: calc,
    importFilter: 'OpenDocument Spreadsheet Flat XML',
    extension: 'fods',
    prepare: prepareTable,
  },
}

const style = `
@page { size: 21cm 29.7cm; margin: 2cm; }
body, h1, h2, h3, h4, h5, h6 { font-family: sans-serif; }
body { font-size: 11pt; }
pre, code { font-family: monospace; font-size: 10pt; }
pre { background: #f4f4f4; padding: 0.2cm; }
blockquote { margin-left: 0.8cm; color: #555555; }
table { border-collapse: collapse; }
td, th { border: 1px solid #999999; padding: 0.1cm; }
`

/** Markdown as HTML; HTML and pictures in it are shown as text. */
export async function prepareMarkdown({ path }: SourceFile, target: string): Promise<void> {
  const markdown = new MarkdownIt({ html: false, linkify: false }).disable('image')
  await writeFile(target, page(markdown.render(await readText(path))))
}

/** Plain text in UTF-8, as its import filter expects. */
export async function prepareText({ path }: SourceFile, target: string): Promise<void> {
  await writeFile(target, await readText(path))
}

/** The page in UTF-8 with a byte order mark: LibreOffice does not support every declared encoding. */
export async function prepareHtml({ path }: SourceFile, target: string): Promise<void> {
  const bytes = await readFile(path)
  const encoding = markedEncoding(bytes) ?? declaredEncoding(bytes) ?? textEncoding(bytes)
  const text = decode(bytes, encoding).replace(
    /(<meta\s[^<>]*charset\s*=\s*["']?\s*)[\w:.-]+/gi,
    '$1utf-8',
  )
  await writeFile(target, `\ufeff${text}`)
}

/**
 * LibreOffice loads external pictures of an RTF whatever its settings, so these control words are
 * overwritten. They can be obfuscated: the sandbox, if there is one, stops the rest.
 */
async function prepareRtf({ path }: SourceFile, target: string): Promise<void> {
  const rtf = await readFile(path, 'latin1')
  const words =
    /INCLUDE(?=PICTURE|TEXT|\b)|DDE(?=AUTO|\b)|\bLINK\b|\\template|\\objlink|\\objupdate/gi
  await writeFile(
    target,
    rtf.replace(words, (word) => 'x'.repeat(word.length)),
    'latin1',
  )
}

function page(body: string): string {
  return `<!DOCTYPE html><html><head><meta charset="utf-8"><style>${style}</style></head><body>${body}</body></html>`
}
