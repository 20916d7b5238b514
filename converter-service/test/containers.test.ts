import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ReceivedListFormatsResponse } from '@herald/proto/converter'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '#src/config'
import { findLibreOffice } from '#src/engines/document/libreoffice'
import { maxUnpackedBytes, refuseBomb } from '#src/engines/document/unpacking'
import { findFormat } from '#src/formats'
import { type Container, sniff } from '#src/sniff/sniff'
import { sniffContainer } from '#src/sniff/sniff-container'
import { refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { docxFile, openDocumentFile, paragraph, text } from './office-file.js'
import { type ZipPart, zipFile } from './zip-file.js'

const hasOffice = findLibreOffice(process.env) !== undefined
const leftOut = hasOffice ? '' : ' (left out: LibreOffice is not installed)'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-container-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function stored(bytes: Buffer): Promise<string> {
  const path = join(folder, 'source')
  await writeFile(path, bytes)
  return path
}

const tell = async (bytes: Buffer, container: Container = 'zip') =>
  sniffContainer(await stored(bytes), container)

describe('the content of a container', () => {
  const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url))
  test('is detected for every office document here', async () => {
    const names = (await readdir(fixtures)).filter((name) =>
      /\.(docx?|xlsx?|pptx?|od.)$/.test(name),
    )
    expect(names.length).toBeGreaterThanOrEqual(8)
    for (const name of names) {
      const bytes = await readFile(join(fixtures, name))
      const first = await sniff(bytes)
      expect(first.kind, name).toBe('container')
      if (first.kind !== 'container') continue
      expect(await tell(bytes, first.container), name).toEqual({
        kind: 'format',
        name: findFormat(extname(name))?.name,
      })
    }
  })

  test('is detected although its list of types comes late', async () => {
    const filler = { name: 'word/media/a.bin', bytes: Buffer.alloc(200_000, 'x'), stored: true }
    const late = zipFile([
      filler,
      { name: 'word/document.xml', bytes: '<x/>' },
      { name: '[Content_Types].xml', bytes: '<Types/>' },
    ])
    expect(await tell(late)).toEqual({ kind: 'format', name: 'docx' })
  })

  test.each<[string, readonly ZipPart[], string]>([
    ['an archive', [{ name: 'holiday.jpg', bytes: 'x' }], 'a ZIP archive'],
    ['a book', [{ name: 'mimetype', bytes: 'application/epub+zip', stored: true }], 'an EPUB book'],
    ['names that lead out', [{ name: '../../etc/passwd', bytes: 'x' }], 'a ZIP archive'],
    ['names from the root', [{ name: '/etc/passwd', bytes: 'x' }], 'a ZIP archive'],
  ])('%s is no document', async (_what, parts, called) => {
    expect(await tell(zipFile(parts))).toEqual({ kind: 'other', description: called })
  })

  test.each([
    ['a ZIP without its end', 'zip', docxFile({ body: paragraph('x') }).subarray(0, 700)],
    ['an old Office file of one sector', 'cfb', Buffer.from('d0cf11e0a1b11ae1', 'hex')],
    ['an old Office file whose table is a ring', 'cfb', ring()],
  ] as const)('%s is damaged', async (_what, container, bytes) => {
    await expect(tell(bytes, container)).rejects.toMatchObject({ code: 'HERALD_CORRUPT_FILE' })
  })
})

const zeros = Buffer.alloc(maxUnpackedBytes + 1)
const bomb = docxFile({ body: '', more: [{ name: 'word/a.xml', bytes: zeros }] })
const bombs: Readonly<Record<string, [() => Buffer, string, RegExp]>> = {
  'a bomb that says what it is': [
    () => bomb,
    'HERALD_TOO_MANY_BYTES',
    /at most 268 MB \(268,435,456 bytes\)/,
  ],
  'a bomb that says it is small': [
    () => docxFile({ body: '', more: [{ name: 'word/a.xml', bytes: zeros, saidBytes: 1000 }] }),
    'HERALD_CORRUPT_FILE',
    /cannot be unpacked/,
  ],
  'a bomb of many names for one place': [
    () =>
      docxFile({
        body: '',
        more: [
          { name: 'word/0.xml', bytes: Buffer.alloc(1000) },
          ...Array.from({ length: 100 }, (_, index) => ({
            name: `word/x${index}.xml`,
            bytes: '',
            over: 5,
          })),
        ],
      }),
    'HERALD_CORRUPT_FILE',
    /its parts overlap/,
  ],
  'bombs within it': [
    () => {
      const inner = zipFile([{ name: 'a', bytes: zeros.subarray(0, maxUnpackedBytes / 2) }])
      const more = [1, 2, 3].map((number) => ({
        name: `word/embeddings/${number}.xlsx`,
        bytes: inner,
        stored: true,
      }))
      return docxFile({ body: '', more })
    },
    'HERALD_TOO_MANY_BYTES',
    /at most 268 MB \(268,435,456 bytes\)/,
  ],
  'documents in documents in documents': [
    () => {
      let bytes = zipFile([{ name: 'a', bytes: 'x' }])
      for (let depth = 0; depth < 4; depth++)
        bytes = zipFile([{ name: 'a.docx', bytes, stored: true }])
      return docxFile({ body: '', more: [{ name: 'word/a.docx', bytes, stored: true }] })
    },
    'HERALD_CORRUPT_FILE',
    /nested too deeply/,
  ],
  'a billion laughs in Word': [
    () => docxFile({ body: paragraph('&c;'), prologue: laughs }),
    'HERALD_CORRUPT_FILE',
    /XML entities/,
  ],
  'a billion laughs in OpenDocument, in UTF-16': [
    () =>
      openDocumentFile('odt', text('x'), {
        more: [{ name: 'styles.xml', bytes: Buffer.from(`\ufeff${laughs}<x>&c;</x>`, 'utf16le') }],
      }),
    'HERALD_CORRUPT_FILE',
    /XML entities/,
  ],
  'an entity that names a file': [
    () =>
      openDocumentFile('odt', text('&f;'), {
        prologue: '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
      }),
    'HERALD_CORRUPT_FILE',
    /XML entities/,
  ],
}
const laughs = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(100)}"><!ENTITY c "${'&b;'.repeat(100)}">]>`

test.each(Object.keys(bombs))('%s is refused before any program opens it', async (name) => {
  const [make, code, message] = bombs[name] as (typeof bombs)[string]
  const path = await stored(make())
  const from = performance.now()
  await expect(refuseBomb(path)).rejects.toMatchObject({
    code,
    publicMessage: expect.stringMatching(message),
    remedy: expect.any(String),
  })
  console.log(`${name}: refused after ${(performance.now() - from).toFixed(0)} ms`)
})

test.each([
  ['a Word document', docxFile({ body: paragraph('x') })],
  ['an OpenDocument', openDocumentFile('odt', text('x'))],
  [
    'one with a manifest of old',
    zipFile([
      {
        name: 'META-INF/manifest.xml',
        bytes:
          '<!DOCTYPE manifest:manifest PUBLIC "-//OpenOffice.org//DTD Manifest 1.0//EN" "Manifest.dtd"><x/>',
      },
    ]),
  ],
])('%s passes', async (_what, bytes) => {
  await refuseBomb(await stored(bytes))
})

test('an OpenDocument with a password is refused as locked', async () => {
  const parts = [{ name: 'META-INF/manifest.xml', bytes: '<m><manifest:encryption-data/></m>' }]
  await expect(refuseBomb(await stored(zipFile(parts)))).rejects.toMatchObject({
    code: 'HERALD_LOCKED_FILE',
  })
})

describe('over the wire', () => {
  let converter: ConverterUnderTest
  afterEach(() => converter.close())

  test.runIf(hasOffice)(`a bomb named .docx is refused with the limit${leftOut}`, async () => {
    converter = await startConverter({ children: 1 })
    const from = performance.now()
    const refused = await refusal(converter.client, bomb, ['pdf'], { fileName: 'report.docx' })
    const tookMs = performance.now() - from
    console.log(`a bomb of ${bomb.length} bytes: refused after ${tookMs.toFixed(0)} ms`)
    expect(refused).toMatchObject({
      code: 'HERALD_TOO_MANY_BYTES',
      message: expect.stringContaining('268,435,456 bytes'),
    })
    await converter.spoolEmpties()
  })

  test('without LibreOffice a document is refused with the reason, and what to do', async () => {
    const childEnv = { ...loadConfig(process.env).childEnv, HERALD_SOFFICE: '/nowhere/soffice' }
    converter = await startConverter({ children: 1, childEnv })
    const document = docxFile({ body: paragraph('x') })
    expect(await refusal(converter.client, document, ['pdf'])).toMatchObject({
      code: 'HERALD_UNSUPPORTED_FILE',
      message: 'This is a Word document. LibreOffice is not installed on this server.',
      remedy: expect.stringContaining('PDF'),
    })
    const { formats, engines } = await listFormats(converter)
    const why = 'LibreOffice is not installed on this server.'
    expect(engines).toContainEqual(
      expect.objectContaining({ name: 'document', available: false, unavailableReason: why }),
    )
    expect(formats).toContainEqual(
      expect.objectContaining({ name: 'docx', readable: false, unavailableReason: why }),
    )
  })
})

function listFormats({ client }: ConverterUnderTest) {
  return new Promise<ReceivedListFormatsResponse>((resolve, reject) =>
    client.listFormats({}, (error, response) =>
      response ? resolve(response) : reject(error ?? new Error('no answer')),
    ),
  )
}

/** An old Office file whose directory is a loop. */
function ring(): Buffer {
  const bytes = Buffer.alloc(512 * 4, 0xff)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(bytes)
  bytes.writeUInt16LE(9, 30)
  bytes.writeUInt32LE(1, 48)
  bytes.writeUInt32LE(0xfffffffe, 68)
  bytes.writeUInt32LE(0, 76)
  // The table: sector 1 is followed by sector 1. Its only entry names itself as its neighbour.
  bytes.writeUInt32LE(1, 512 + 4)
  bytes.writeUInt32LE(9999, 1024 + 76)
  return bytes
}
