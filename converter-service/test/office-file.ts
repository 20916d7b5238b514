import { type ZipPart, zipFile } from './zip-file.js'

const types = 'http://schemas.openxmlformats.org/package/2006/content-types'
const packageRelations = 'http://schemas.openxmlformats.org/package/2006/relationships'
const officeRelations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const word = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main'
const relation = (id: string, type: string, target: string, external = false) =>
  `<Relationship Id="${id}" Type="${officeRelations}/${type}" Target="${target}"${external ? ' TargetMode="External"' : ''}/>`
const relations = (list: string) =>
  `<Relationships xmlns="${packageRelations}">${list}</Relationships>`

export interface Docx {
  readonly body: string
  /** The links of the document: id, kind, target. */
  readonly links?: readonly (readonly [string, string, string])[]
  readonly settings?: string
  readonly settingsLinks?: readonly (readonly [string, string, string])[]
  readonly more?: readonly ZipPart[]
  readonly prologue?: string
}

/** A Word document by hand. */
export function docxFile({
  body,
  links = [],
  settings = '',
  settingsLinks = [],
  more = [],
  prologue = '',
}: Docx): Buffer {
  return zipFile([
    {
      name: '[Content_Types].xml',
      bytes: `<Types xmlns="${types}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/><Override PartName="/word/settings.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.settings+xml"/></Types>`,
    },
    {
      name: '_rels/.rels',
      bytes: relations(relation('r1', 'officeDocument', 'word/document.xml')),
    },
    {
      name: 'word/document.xml',
      bytes: `${prologue}<w:document xmlns:w="${word}" xmlns:r="${officeRelations}" xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"><w:body>${body}</w:body></w:document>`,
    },
    {
      name: 'word/_rels/document.xml.rels',
      bytes: relations(
        relation('s1', 'settings', 'settings.xml') +
          links.map(([id, type, target]) => relation(id, type, target, true)).join(''),
      ),
    },
    {
      name: 'word/settings.xml',
      bytes: `<w:settings xmlns:w="${word}" xmlns:r="${officeRelations}">${settings}</w:settings>`,
    },
    {
      name: 'word/_rels/settings.xml.rels',
      bytes: relations(
        settingsLinks.map(([id, type, target]) => relation(id, type, target, true)).join(''),
      ),
    },
    ...more,
  ])
}

export const paragraph = (text: string) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`

/** An external picture in a Word document, by the id of its link. */
export const linkedPicture = (id: string) =>
  `<w:p><w:r><w:drawing><wp:inline><wp:extent cx="1800000" cy="1800000"/><wp:docPr id="1" name="p"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="0" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:link="${id}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="1800000" cy="1800000"/></a:xfrm><a:prstGeom prst="rect"/></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>`

/** A field that Word and Writer fill from elsewhere. */
export const field = (instruction: string) =>
  `<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve">${instruction}</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>-</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>`

const kinds = { odt: 'text', ods: 'spreadsheet', odp: 'presentation' } as const
const names = ['office', 'text', 'table', 'style']
  .map((name) => `xmlns:${name}="urn:oasis:names:tc:opendocument:xmlns:${name}:1.0"`)
  .join(' ')

/** An OpenDocument by hand: `body` is in office:text, office:spreadsheet, ... */
export function openDocumentFile(
  format: keyof typeof kinds,
  body: string,
  { prologue = '', more = [] as readonly ZipPart[], scripts = '' } = {},
): Buffer {
  const kind = kinds[format]
  const mediaType = `application/vnd.oasis.opendocument.${kind}`
  return zipFile([
    { name: 'mimetype', bytes: mediaType, stored: true },
    {
      name: 'META-INF/manifest.xml',
      bytes: `<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="${mediaType}"/>${['content.xml', ...more.map(({ name }) => name)].map((name) => `<manifest:file-entry manifest:full-path="${name}" manifest:media-type="text/xml"/>`).join('')}</manifest:manifest>`,
    },
    {
      name: 'content.xml',
      bytes: `${prologue}<office:document-content ${names} xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:script="urn:oasis:names:tc:opendocument:xmlns:script:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2" office:version="1.2">${scripts}<office:body><office:${kind}>${body}</office:${kind}></office:body></office:document-content>`,
    },
    ...more,
  ])
}

export const text = (words: string) => `<text:p>${words}</text:p>`

/** An external picture in an OpenDocument. */
export const framed = (href: string) =>
  `<draw:frame text:anchor-type="as-char" svg:x="1cm" svg:y="1cm" svg:width="5cm" svg:height="5cm"><draw:image xlink:href="${href}" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/></draw:frame>`

const spreadsheet = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const sheetType = 'application/vnd.openxmlformats-officedocument.spreadsheetml'

/** An Excel workbook of one sheet by hand; `calculation` are the attributes of calcPr. */
export function xlsxFile(rows: string, calculation: string): Buffer {
  return zipFile([
    {
      name: '[Content_Types].xml',
      bytes: `<Types xmlns="${types}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${sheetType}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${sheetType}.worksheet+xml"/></Types>`,
    },
    { name: '_rels/.rels', bytes: relations(relation('r1', 'officeDocument', 'xl/workbook.xml')) },
    {
      name: 'xl/workbook.xml',
      bytes: `<workbook xmlns="${spreadsheet}" xmlns:r="${officeRelations}"><sheets><sheet name="a" sheetId="1" r:id="s1"/></sheets><calcPr calcId="124519" ${calculation}/></workbook>`,
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      bytes: relations(relation('s1', 'worksheet', 'worksheets/sheet1.xml')),
    },
    {
      name: 'xl/worksheets/sheet1.xml',
      bytes: `<worksheet xmlns="${spreadsheet}"><sheetData>${rows}</sheetData></worksheet>`,
    },
  ])
}

/** A row whose cells hold these formulas, each with the value that was kept beside it. */
export const formulas = (row: number, cells: readonly (readonly [string, string])[]) =>
  `<row r="${row}">${cells.map(([formula, value]) => `<c><f>${formula}</f><v>${value}</v></c>`).join('')}</row>`

const by = 'w:id="1" w:author="Ada" w:date="2026-01-01T00:00:00Z"'
const run = (words: string) => `<w:r><w:t>${words}</w:t></w:r>`
const deleted = (words: string) => `<w:del ${by}><w:r><w:delText>${words}</w:delText></w:r></w:del>`

/** A Word document with a change of each kind; accepted, it reads ONE INSERTED TWO. */
export const trackedDocx = docxFile({
  body: [
    `<w:p>${run('ONE ')}${deleted('DELETED')}<w:ins ${by}>${run('INSERTED')}</w:ins></w:p>`,
    `<w:p><w:pPr><w:rPr><w:del ${by}/></w:rPr></w:pPr>${deleted('PARAGRAPH')}</w:p>`,
    `<w:p><w:moveFrom ${by}>${run('MOVED')}</w:moveFrom></w:p>`,
    `<w:p>${run('TWO')}</w:p>`,
  ].join(''),
})
