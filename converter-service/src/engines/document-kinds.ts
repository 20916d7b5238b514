import { link } from 'node:fs/promises'
import { prepareHtml, prepareMarkdown, prepareRtf, prepareText } from './document-pages.js'
import type { SourceFile } from './engine.js'
import { prepareTable } from './table-sheet.js'

/** How LibreOffice takes a format: the part of it, and the import filter by its own name. */
export interface DocumentKind {
  readonly module: 'writer' | 'calc' | 'impress'
  readonly importFilter: string
  readonly extension: string
  readonly isZip?: true
  /** Puts what LibreOffice is to read in its place. */
  readonly prepare: (source: SourceFile, target: string) => Promise<void>
}

const writer = 'writer'
const calc = 'calc'
const impress = 'impress'
const html = { module: writer, importFilter: 'HTML (StarWriter)', extension: 'html' } as const
const asItIs = { prepare: ({ path }: SourceFile, target: string) => link(path, target) }
const zipped = { ...asItIs, isZip: true } as const

/** Naming the filter keeps LibreOffice from guessing, and from all its other filters. */
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
