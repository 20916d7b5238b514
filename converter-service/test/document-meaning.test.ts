import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text as readStream } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPromise } from 'yauzl'
import {
  findLibreOffice,
  type LibreOffice,
  runLibreOffice,
} from '#src/engines/document/libreoffice'
import { noSandbox } from '#src/engines/document/sandbox'
import { mayHoldTrackedChanges, showTrackedChanges } from '#src/engines/document/tracked-changes'
import { refuseBomb } from '#src/engines/document/unpacking'
import {
  docxFile,
  field,
  formulas,
  openDocumentFile,
  paragraph,
  text,
  trackedDocx,
  xlsxFile,
} from './office-file.js'
import { leftOut, print, sandboxed, wordsOf } from './printed.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-document-meaning-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function fileOf(bytes: Buffer): Promise<string> {
  const path = join(await mkdtemp(join(folder, 'file-')), 'source')
  await writeFile(path, bytes)
  return path
}

const slow = { timeout: 120_000 }
const trackedDoc = await readFile(new URL('./fixtures/documents/tracked.doc', import.meta.url))

test.runIf(leftOut === '').each([
  ['docx', trackedDocx, /ONE\s*INSERTED\s+TWO/],
  ['doc', trackedDoc, /The price is 1200 INSERTEDWORD/],
] as const)(
  `tracked changes of %s are accepted: what was deleted does not show${leftOut}`,
  slow,
  async (format, bytes, expected) => {
    const words = await wordsOf(await print(bytes, { format }))
    expect(words).toMatch(expected)
    expect(words).not.toMatch(/DELETED|PARAGRAPH|MOVED/)
  },
)

test('tracked changes are found in every format that has them', async () => {
  const rtf = (body: string) => Buffer.from(`{\\rtf1 ${body}}`)
  expect(await mayHoldTrackedChanges(await fileOf(trackedDoc), 'doc')).toBe(true)
  expect(await mayHoldTrackedChanges(await fileOf(rtf('{\\deleted x}')), 'rtf')).toBe(true)
  expect(await mayHoldTrackedChanges(await fileOf(rtf('x')), 'rtf')).toBe(false)
  const odt = await fileOf(
    openDocumentFile('odt', '<text:tracked-changes><text:changed-region/></text:tracked-changes>'),
  )
  expect((await refuseBomb(odt)).hasTrackedChanges).toBe(true)
  expect(await showTrackedChanges(odt, 'odt', false, `${odt}.set`)).toBe(false)
  const plain = await fileOf(docxFile({ body: paragraph('inserted deleted') }))
  expect((await refuseBomb(plain)).hasTrackedChanges).toBe(false)
})

test('an OpenDocument that shows its changes is set to hide them', async () => {
  const setting = (value: string) =>
    `<x><config:config-item config:name="ShowRedlineChanges" config:type="boolean">${value}</config:config-item></x>`
  const more = [{ name: 'settings.xml', bytes: setting('true') }]
  const odt = await fileOf(openDocumentFile('odt', text('x'), { more }))
  expect(await showTrackedChanges(odt, 'odt', false, `${odt}.set`)).toBe(true)
  const zip = await openPromise(`${odt}.set`)
  const names: string[] = []
  for await (const entry of zip.eachEntry()) {
    names.push(entry.fileName)
    if (entry.fileName !== 'settings.xml') continue
    expect(await readStream(await zip.openReadStreamPromise(entry))).toBe(setting('false'))
  }
  expect(names).toEqual(['mimetype', 'META-INF/manifest.xml', 'content.xml', 'settings.xml'])
})

test.runIf(leftOut === '')(
  `a document that prints its name or path prints nothing of the server${leftOut}`,
  slow,
  async () => {
    const document = docxFile({ body: field('FILENAME') + field('FILENAME \\p') })
    const name = '/home/ada/Plan #1 für Köln.docx'
    const words = await wordsOf(await print(document, { format: 'docx', name }))
    expect(words).toMatch(/^\s*Plan _1 für Köln\.docx\s/)
    // Without a sandbox the folder shows.
    if (sandboxed) expect(words).toMatch(/\/document\/Plan _1 für Köln\.docx\s*$/)
  },
)

test.runIf(leftOut === '')(`LibreOffice starts once for a document${leftOut}`, slow, async () => {
  const document = await fileOf(docxFile({ body: paragraph('x') }))
  const work = dirname(document)
  const office = findLibreOffice(process.env) as LibreOffice
  const program = join(work, 'soffice')
  const starts = join(work, 'starts')
  const script = `#!/bin/sh\necho >>'${starts}'\nexec '${office.program}' "$@"\n`
  await writeFile(program, script, { mode: 0o755 })
  const filters = { importFilter: 'MS Word 2007 XML', exportFilter: 'writer_pdf_Export' }
  const conversion = { ...filters, extension: 'pdf' }
  const made = await runLibreOffice({ ...office, program }, document, work, conversion, noSandbox)
  expect(made).toBe(join(work, 'made', 'source.pdf'))
  expect(await readFile(starts, 'utf8')).toBe('\n')
})

test.runIf(leftOut === '')(
  `a workbook that asks for calculation is calculated${leftOut}`,
  slow,
  async () => {
    const workbook = xlsxFile(formulas(1, [['40+6', '0']]), 'fullCalcOnLoad="1"')
    expect((await wordsOf(await print(workbook, { format: 'xlsx' }))).trim()).toBe('46')
  },
)

test('a workbook that does not ask for calculation keeps its values', async () => {
  const workbook = await fileOf(xlsxFile(formulas(1, [['40+6', '7']]), 'fullCalcOnLoad="0"'))
  expect((await refuseBomb(workbook)).asksForCalculation).toBe(false)
})
