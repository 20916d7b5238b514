import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ReceivedConvertResponse, ReceivedListFormatsResponse } from '@herald/proto/converter'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findLibreOffice } from '#src/engines/document/libreoffice'
import { convert, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { docxFile, paragraph, trackedDocx } from './office-file.js'
import { childrenOf, isRunning } from './processes.js'
import { waitFor } from './wait-for.js'

const run = promisify(execFile)
const hasPoppler = await run('pdftotext', ['-v']).then(
  () => true,
  () => false,
)
const leftOut = !findLibreOffice(process.env)
  ? ' (left out: LibreOffice is not installed)'
  : hasPoppler
    ? ''
    : ' (left out: poppler-utils is not installed)'
/** LibreOffice takes a second on an idle machine. */
const patienceMs = 120_000

let converter: ConverterUnderTest
let folder: string

/** What a PDF says, as poppler reads it. */
async function words(pdf: Buffer): Promise<string> {
  const path = join(folder, 'made.pdf')
  await writeFile(path, pdf)
  return (await run('pdftotext', ['-layout', path, '-'])).stdout
}

describe.runIf(leftOut === '')(`documents${leftOut}`, () => {
  beforeAll(async () => {
    converter = await startConverter({ timeoutMs: patienceMs, cpuMs: patienceMs })
    folder = await mkdtemp(join(tmpdir(), 'herald-documents-test-'))
  })
  afterAll(async () => {
    await converter.close()
    await rm(folder, { recursive: true })
  })

  test(
    'one conversion makes the PDF and a picture of each page, and prints the document once',
    async () => {
      const pageBreak = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
      const document = docxFile({ body: paragraph('ONE') + pageBreak + paragraph('TWO') })
      const { renditions, summary } = await convert(converter.client, document, [
        'pdf',
        { format: 'png', everyPage: true, dpi: 50 },
        { format: 'webp', page: 1, width: 200 },
      ])
      expect(summary.input).toMatchObject({ format: 'docx', pages: 2 })
      expect(renditions.map(({ header }) => [header.format, header.page ?? -1])).toEqual(
        expect.arrayContaining([
          ['pdf', -1],
          ['png', 0],
          ['png', 1],
          ['webp', 1],
        ]),
      )
      expect(await words(renditions[0]?.bytes as Buffer)).toMatch(/ONE[\s\S]*TWO/)
      expect(summary.preview?.data.length).toBeGreaterThan(500)
      await converter.spoolEmpties()
    },
    patienceMs,
  )

  test.each([
    ['notes.md', '# Ärger\n\n<b>HTML</b> is *text*', /Ärger[\s\S]*<b>HTML<\/b> is text/],
    ['notes.txt', 'Ärger\n*not* bold', /Ärger[\s\S]*\*not\* bold/],
    ['table.csv', 'name;amount\nÄpfel;3\n', /name +amount[\s\S]*Äpfel +3/],
    ['page.html', '<p>Ärger <b>bold</b></p>', /Ärger bold/],
  ])(
    'the text %s is shown as it is',
    async (fileName, source, expected) => {
      const { renditions } = await convert(converter.client, Buffer.from(source), ['pdf'], {
        fileName,
      })
      expect(await words(renditions[0]?.bytes as Buffer)).toMatch(expected)
    },
    patienceMs,
  )

  test(
    'the author and the title of a document do not come along',
    async () => {
      const document = '{\\rtf1{\\info{\\author SECRET}{\\title SECRET}{\\operator SECRET}}HELLO}'
      const { renditions } = await convert(converter.client, Buffer.from(document), ['pdf'])
      const pdf = renditions[0]?.bytes as Buffer
      expect(await words(pdf)).toContain('HELLO')
      expect((await run('pdfinfo', [join(folder, 'made.pdf')])).stdout).not.toContain('SECRET')
    },
    patienceMs,
  )

  test(
    'tracked changes show if that is asked for',
    async () => {
      const asked = [{ format: 'pdf', trackedChanges: true }]
      const { renditions } = await convert(converter.client, trackedDocx, asked)
      expect(await words(renditions[0]?.bytes as Buffer)).toMatch(
        /ONE\s*DELETED\s*INSERTED\s+PARAGRAPH\s+MOVED\s+TWO/,
      )
    },
    patienceMs,
  )

  test('a conversion shows tracked changes in all of its renditions, or in none', async () => {
    const asked = [{ format: 'pdf' }, { format: 'png', trackedChanges: true }]
    expect(await refusal(converter.client, trackedDocx, asked)).toMatchObject({
      code: 'HERALD_BAD_OPTION',
      message: 'Some renditions show tracked changes and others do not.',
    })
  })

  test(
    'a document that cannot be opened is damaged, and the next one is unharmed',
    async () => {
      const broken = docxFile({ body: '<w:p><w:r>' })
      expect(await refusal(converter.client, broken, ['pdf'])).toMatchObject({
        code: 'HERALD_CORRUPT_FILE',
        message: expect.stringContaining('docx document cannot be opened'),
      })
      await converter.spoolEmpties()
    },
    patienceMs,
  )

  test(
    'a caller who leaves takes LibreOffice along',
    async () => {
      const call = converter.client.convert()
      call.on('error', () => {})
      const body = Array.from({ length: 20_000 }, (_, index) => paragraph(`line ${index}`)).join('')
      call.on('data', ({ admitted }: ReceivedConvertResponse) => {
        if (!admitted) return
        call.write({ chunk: docxFile({ body }) })
        call.end()
      })
      call.write({ spec: { fileName: 'long.docx', renditions: [{ format: 'pdf' }] } })
      const office = await waitFor(() => findOffice(converter.app.pids()))
      call.cancel()
      await waitFor(() => expect(office.filter(isRunning)).toEqual([]))
      await converter.spoolEmpties()
    },
    patienceMs,
  )

  test('the sandbox of LibreOffice is listed with the versions', async () => {
    const bwrap = await run('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']).then(
      () => true,
      () => false,
    )
    const { versions } = await new Promise<ReceivedListFormatsResponse>((resolve, reject) =>
      converter.client.listFormats({}, (error, answer) =>
        answer ? resolve(answer) : reject(error ?? new Error('no answer')),
      ),
    )
    expect('bubblewrap' in versions).toBe(bwrap)
    const { stdout } = await run('soffice', ['--version'])
    expect(stdout).toContain(`LibreOffice ${versions['libreoffice']}`)
  })
})

/** The processes below the children that are LibreOffice's; throws while there are none. */
async function findOffice(pids: readonly number[]): Promise<number[]> {
  const found: number[] = []
  const waiting = [...pids]
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const below = await childrenOf(pid).catch(() => [])
    waiting.push(...below)
    for (const each of below) {
      const command = await readFile(`/proc/${each}/cmdline`, 'utf8').catch(() => '')
      if (command.includes('soffice')) found.push(each)
    }
  }
  expect(found.length).toBeGreaterThan(0)
  return found
}
