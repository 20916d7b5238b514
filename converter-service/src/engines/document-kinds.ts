import { prepareHtml, prepareMarkdown } from './document-pages.js'

/** How LibreOffice takes a format: the part of it, and the import filter by its own name. */
export interface DocumentKind {
  readonly module: 'writer' | 'calc' | 'impress'
  readonly importFilter: string
  readonly extension: string
  readonly isZip?: true
  /** Writes what LibreOffice is to read instead of the upload. */
  readonly prepare?: (source: string, target: string) => Promise<void>
}

const writer = 'writer'
const calc = 'calc'
const impress = 'impress'
const html = { module: writer, importFilter: 'HTML (StarWriter)', extension: 'html' } as const

/** Naming the filter keeps LibreOffice from guessing, and from all its other filters. */
export const documentKinds: Readonly<Record<string, DocumentKind>> = {
  docx: { module: writer, importFilter: 'MS Word 2007 XML', extension: 'docx', isZip: true },
  doc: { module: writer, importFilter: 'MS Word 97', extension: 'doc' },
  xlsx: { module: calc, importFilter: 'Calc MS Excel 2007 XML', extension: 'xlsx', isZip: true },
  xls: { module: calc, importFilter: 'MS Excel 97', extension: 'xls' },
  pptx: {
    module: impress,
    importFilter: 'Impress MS PowerPoint 2007 XML',
    extension: 'pptx',
    isZip: true,
  },
  ppt: { module: impress, importFilter: 'MS PowerPoint 97', extension: 'ppt' },
  odt: { module: writer, importFilter: 'writer8', extension: 'odt', isZip: true },
  ods: { module: calc, importFilter: 'calc8', extension: 'ods', isZip: true },
  odp: { module: impress, importFilter: 'impress8', extension: 'odp', isZip: true },
  rtf: { module: writer, importFilter: 'Rich Text Format', extension: 'rtf' },
  html: { ...html, prepare: prepareHtml },
  markdown: { ...html, prepare: prepareMarkdown },
  text: { module: writer, importFilter: 'Text (encoded):UTF8', extension: 'txt' },
  // Separated by commas, semicolons or tabs; quoted by "; UTF-8; from the first line on.
  csv: {
    module: calc,
    importFilter: 'Text - txt - csv (StarCalc):44/59/9,34,76,1',
    extension: 'csv',
  },
}
