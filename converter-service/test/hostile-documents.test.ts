import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { printDocument } from '#src/engines/document'
import { findLibreOffice, type LibreOffice } from '#src/engines/document/libreoffice'
import { findSandbox, noSandbox } from '#src/engines/document/sandbox'
import { macroDocument } from './macro-document.js'
import {
  docxFile,
  field,
  formulas,
  framed,
  linkedPicture,
  openDocumentFile,
  paragraph,
  text,
  xlsxFile,
} from './office-file.js'
import { useRecordingServer } from './recording-server.js'

const run = promisify(execFile)
const office = findLibreOffice(process.env)
const sandbox = await findSandbox()
const hasPoppler = await run('pdftotext', ['-v']).then(
  () => true,
  () => false,
)
const leftOut = !office
  ? ' (left out: LibreOffice is not installed)'
  : hasPoppler
    ? ''
    : ' (left out: poppler-utils is not installed)'
const held = [
  ...(sandbox ? [['in the sandbox', sandbox.sandbox] as const] : []),
  ['by its settings alone', noSandbox] as const,
]

const secret = 'SECRET-WORD'
let folder: string
let secretText: string
let secretPicture: string
const picture = await sharp({
  create: { width: 50, height: 50, channels: 3, background: '#ff0000' },
})
  .png()
  .toBuffer()
const server = useRecordingServer((path) =>
  path.endsWith('.png')
    ? { type: 'image/png', body: picture }
    : { type: 'text/plain', body: secret },
)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-hostile-test-'))
  secretText = join(folder, 'secret.txt')
  secretPicture = join(folder, 'secret.png')
  await writeFile(secretText, secret)
  await writeFile(join(folder, 'secret.html'), `<p>${secret}</p>`)
  await writeFile(join(folder, 'secret.csv'), `${secret},${secret}\n`)
  await writeFile(secretPicture, picture)
})
afterAll(() => rm(folder, { recursive: true }))

interface Hostile {
  readonly format: string
  /** Of the listener's address and the folder of the secrets. */
  readonly make: (url: string, folder: string) => Buffer
}

const documents: Readonly<Record<string, Hostile>> = {
  'HTML with pictures, styles, frames and scripts from elsewhere': {
    format: 'html',
    make: (at, files) =>
      Buffer.from(
        `<html><head><link rel="stylesheet" href="${at}/a.css"><script src="${at}/a.js"></script><base href="${at}/"></head><body background="${at}/b.png">HELLO<img src="${at}/c.png"><img src="file://${files}/secret.png"><img src="file://127.0.0.1/share/x.png"><iframe src="file://${files}/secret.html" width="300" height="300"></iframe><object data="file://${files}/secret.html"></object><embed src="${at}/e.png"></body></html>`,
      ),
  },
  'a Word document with pictures from elsewhere': {
    format: 'docx',
    make: (at, files) =>
      docxFile({
        body: paragraph('HELLO') + linkedPicture('a') + linkedPicture('b'),
        links: [
          ['a', 'image', `${at}/a.png`],
          ['b', 'image', `file://${files}/secret.png`],
        ],
      }),
  },
  'a Word document with a template from elsewhere': {
    format: 'docx',
    make: (at) =>
      docxFile({
        body: paragraph('HELLO'),
        settings: '<w:attachedTemplate r:id="t"/>',
        settingsLinks: [['t', 'attachedTemplate', `${at}/t.dotx`]],
      }),
  },
  'a Word document with fields that read files': {
    format: 'docx',
    make: (at, files) =>
      docxFile({
        body:
          paragraph('HELLO') +
          field(`INCLUDETEXT "${files}/secret.txt"`) +
          field(`INCLUDETEXT "${at}/t.txt"`) +
          field(`INCLUDEPICTURE "${at}/f.png" \\d`) +
          field(`INCLUDEPICTURE "${files}/secret.png" \\d`) +
          field(`DDEAUTO "soffice" "${files}/secret.csv" "A1"`),
      }),
  },
  'an OpenDocument text with a macro, and pictures and sections from elsewhere': {
    format: 'odt',
    make: (at, files) =>
      macroDocument(
        `${files}/mark`,
        text('HELLO') +
          text(
            framed(`${at}/a.png`) +
              framed(`file://${files}/secret.png`) +
              framed(`${files}/secret.png`),
          ) +
          `<text:section text:name="s"><text:section-source xlink:href="file://${files}/secret.txt" text:filter-name="Text"/>${text('-')}</text:section>` +
          `<text:section text:name="t"><text:section-source xlink:href="${at}/s.txt" text:filter-name="Text"/>${text('-')}</text:section>` +
          `<text:p><draw:frame text:anchor-type="as-char" svg:width="8cm" svg:height="5cm"><draw:floating-frame xlink:href="file://${files}/secret.html" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/></draw:frame></text:p>` +
          `<text:p><draw:frame text:anchor-type="as-char" svg:width="8cm" svg:height="5cm"><draw:object xlink:href="file://${files}/secret.html" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/></draw:frame></text:p>`,
      ),
  },
  'an OpenDocument spreadsheet with sheets and values from elsewhere': {
    format: 'ods',
    make: (at, files) =>
      openDocumentFile(
        'ods',
        `<table:table table:name="a"><table:table-row><table:table-cell office:value-type="string"><text:p>HELLO</text:p></table:table-cell><table:table-cell table:formula="of:='file://${files}/secret.csv'#$secret.A1"/><table:table-cell table:formula="of:=WEBSERVICE(&quot;${at}/w&quot;)"/><table:table-cell table:formula="of:=DDE(&quot;soffice&quot;;&quot;${files}/secret.csv&quot;;&quot;secret.A1&quot;)"/></table:table-row></table:table>` +
          `<table:table table:name="b"><table:table-source xlink:href="file://${files}/secret.csv" table:filter-name="Text - txt - csv (StarCalc)" table:filter-options="44,34,76,1" xlink:type="simple"/><table:table-row><table:table-cell/></table:table-row></table:table>`,
      ),
  },
  'an Excel workbook that asks for calculation, with values from elsewhere': {
    format: 'xlsx',
    make: (at, files) =>
      xlsxFile(
        formulas(1, [
          ['&quot;HEL&quot;&amp;&quot;LO&quot;', '-'],
          [`WEBSERVICE(&quot;${at}/w&quot;)`, '-'],
          [`'file://${files}/secret.csv'#$secret.A1`, '-'],
          [`'file://${files}/[secret.csv]secret'!A1`, '-'],
          [`INDIRECT(&quot;'file://${files}/secret.csv'#$secret.A1&quot;)`, '-'],
          [`DDE(&quot;soffice&quot;,&quot;${files}/secret.csv&quot;,&quot;secret.A1&quot;)`, '-'],
        ]),
        'fullCalcOnLoad="1"',
      ),
  },
  'RTF with pictures and a template from elsewhere': {
    format: 'rtf',
    make: (at, files) =>
      Buffer.from(
        `{\\rtf1\\ansi{\\*\\template ${at}/t.dot}HELLO {\\field{\\*\\fldinst INCLUDEPICTURE "${at}/a.png" \\\\d}{\\fldrslt x}}{\\field{\\*\\fldinst INCLUDETEXT "${files}/secret.txt"}{\\fldrslt x}}{\\field{\\*\\fldinst INCLUDEPICTURE "file://${files}/secret.png" \\\\d}{\\fldrslt x}}}`,
      ),
  },
  'Markdown with HTML and pictures from elsewhere': {
    format: 'markdown',
    make: (at, files) =>
      Buffer.from(
        `HELLO\n\n<img src="${at}/a.png">\n\n![x](${at}/b.png) ![y](file://${files}/secret.png)\n\n<iframe src="file://${files}/secret.html"></iframe>\n`,
      ),
  },
  'a table in CSV with formulas': {
    format: 'csv',
    make: (at, files) =>
      Buffer.from(`HELLO,"=WEBSERVICE(""${at}/w"")","='file://${files}/secret.csv'#$secret.A1"\n`),
  },
}

describe.runIf(leftOut === '').each(held)(`LibreOffice held %s${leftOut}`, (_how, within) => {
  test.each(Object.keys(documents))(
    'requests, reads and writes no file of %s',
    async (name) => {
      const { format, make } = documents[name] as Hostile
      const path = join(await mkdtemp(join(folder, 'work-')), 'source')
      await writeFile(path, make(server.url, folder))
      await printDocument({ path, format }, `${path}.pdf`, office as LibreOffice, within)
      expect(server.requests).toEqual([])
      expect(await readdir(folder)).not.toContain('mark')
      const words = (await run('pdftotext', [`${path}.pdf`, '-'])).stdout
      expect(words).toContain('HELLO')
      expect(words.replaceAll(/\s/g, '')).not.toContain(secret)
      await run('pdftoppm', ['-png', '-r', '40', '-singlefile', `${path}.pdf`, `${path}-page`])
      expect(await redness(await readFile(`${path}-page.png`))).toBe(0)
    },
    60_000,
  )
})

/** How many pixels are as red as the secret picture. */
async function redness(page: Buffer): Promise<number> {
  const { data } = await sharp(page).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  let red = 0
  for (let at = 0; at < data.length; at += 3) {
    if ((data[at] ?? 0) > 200 && (data[at + 1] ?? 0) < 60 && (data[at + 2] ?? 0) < 60) red++
  }
  return red
}
