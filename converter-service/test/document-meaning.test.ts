import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { formulas, openDocumentFile, trackedDocx, xlsxFile } from './office-file.js'
import { leftOut, print, wordsOf } from './printed.js'

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
