import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  findLibreOffice,
  type LibreOffice,
  runLibreOffice,
} from '@herald/converter-service/engines/libreoffice'
import { noSandbox } from '@herald/converter-service/engines/sandbox'
import { expect, onTestFinished, test } from 'vitest'
import {
  docxFile,
  field,
  formulas,
  openDocumentFile,
  paragraph,
  trackedDocx,
  xlsxFile,
} from './office-file.js'
import { leftOut, print, sandboxed, wordsOf } from './printed.js'

const slow = { timeout: 120_000 }
const trackedRtf = Buffer.from(
  '{\\rtf1\\ansi{\\*\\revtbl{Unknown;}{Ada;}}ONE{\\deleted\\revauthdel1\\revdttmdel0 DELETED}{\\revised\\revauth1\\revdttm0 INSERTED}\\par TWO}',
)
const trackedOdt = openDocumentFile(
  'odt',
  '<text:tracked-changes><text:changed-region xml:id="c1" text:id="c1"><text:deletion><office:change-info><dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/">Ada</dc:creator><dc:date xmlns:dc="http://purl.org/dc/elements/1.1/">2026-01-01T00:00:00</dc:date></office:change-info><text:p>DELETED</text:p></text:deletion></text:changed-region></text:tracked-changes><text:p>ONE<text:change text:change-id="c1"/>INSERTED TWO</text:p>',
)
const trackedDoc = await readFile(new URL('./fixtures/documents/tracked.doc', import.meta.url))

test.runIf(leftOut === '').each([
  ['docx', trackedDocx, /ONE\s*INSERTED\s+TWO/],
  ['rtf', trackedRtf, /ONE\s*INSERTED\s+TWO/],
  ['odt', trackedOdt, /ONE\s*INSERTED TWO/],
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
  const folder = await mkdtemp(join(tmpdir(), 'herald-start-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const office = findLibreOffice(process.env) as LibreOffice
  const program = join(folder, 'soffice')
  const starts = join(folder, 'starts')
  const script = `#!/bin/sh\necho >>'${starts}'\nexec '${office.program}' "$@"\n`
  await writeFile(program, script, { mode: 0o755 })
  const document = join(folder, 'document.docx')
  await writeFile(document, docxFile({ body: paragraph('x') }))
  const filters = { importFilter: 'MS Word 2007 XML', exportFilter: 'writer_pdf_Export' }
  const conversion = { ...filters, extension: 'pdf' }
  const made = await runLibreOffice({ ...office, program }, document, folder, conversion, noSandbox)
  expect(made).toBe(join(folder, 'made', 'document.pdf'))
  expect(await readFile(starts, 'utf8')).toBe('\n')
})

test.runIf(leftOut === '').each([
  ['asks for it', 'fullCalcOnLoad="1"', '46'],
  ['does not ask for it', '', '7'],
])(
  `a workbook that %s is calculated accordingly${leftOut}`,
  slow,
  async (_what, asks, expected) => {
    const workbook = xlsxFile(formulas(1, [['40+6', '7']]), asks)
    expect((await wordsOf(await print(workbook, { format: 'xlsx' }))).trim()).toBe(expected)
  },
)
