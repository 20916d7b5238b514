import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReceivedListFormatsResponse } from '@herald/proto/converter'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { capabilitiesOf } from '#src/capabilities'
import { Engines } from '#src/engines/all-engines'
import { formatCatalogue } from '#src/formats'
import { type Converted, convert } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { isThere, type Opened, type Opener, openers } from './matrix-openers.js'
import { type Source, sourceOf } from './matrix-sources.js'

declare module 'vitest' {
  interface TaskMeta {
    /** Programs that opened what was made; the table of the run names them. */
    openedBy?: string[]
  }
}

// What is made of what is known before the tests are: from the engines, as the server itself asks.
const capabilities = capabilitiesOf((await Engines.probe()).reports)
const present = (
  await Promise.all(openers.map(async (each) => ((await isThere(each)) ? [each] : [])))
).flat()

let converter: ConverterUnderTest
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-matrix-'))
  // LibreOffice on a machine that does much else.
  converter = await startConverter({ timeoutMs: 120_000 })
})
afterAll(async () => {
  await converter.close()
  await rm(folder, { recursive: true, force: true })
})

const slow = { timeout: 150_000 }
describe.each(capabilities.readable.map(({ name }) => name))('matrix: %s', slow, (from) => {
  const targets = capabilities.targetsOf(from).map(({ name }) => name)
  let together: Promise<Converted | undefined> | undefined

  /** All from one upload; if that fails each alone, to show which one failed. */
  async function convertTo(to: string, source: Source): Promise<Converted> {
    const { bytes, fileName, isPicture } = source
    const convertAll = (formats: string[]) => {
      // A page at its own size would be two megapixels, a hundred times over.
      const asked = formats.map((format) =>
        isPicture || format === 'pdf' ? { format } : { format, width: 200 },
      )
      return convert(converter.client, bytes, asked, { fileName })
    }
    together ??= convertAll(targets).catch(() => undefined)
    const { renditions, ...rest } = (await together) ?? (await convertAll([to]))
    return { ...rest, renditions: renditions.filter(({ header }) => header.format === to) }
  }

  test.for(targets)('becomes %s', async (to, { task, skip }) => {
    const source = await sourceOf(from)
    const { renditions, summary } = await convertTo(to, source)
    expect(summary.input).toMatchObject({ format: from, sizeBytes: source.bytes.length })
    const [rendition] = renditions
    if (!rendition) throw new Error('no rendition')
    const format = formatCatalogue.find(({ name }) => name === to)
    const { mediaType, extensions, defaultQuality } = format as NonNullable<typeof format>
    expect(rendition.header).toMatchObject({ format: to, mediaType, extension: extensions[0] })
    if (source.isPicture && format?.engine === 'image') {
      expect(rendition.header).toMatchObject({ width: 120, height: 80, pages: 1 })
    }
    expect(rendition.summary.quality).toBe(defaultQuality)

    const path = join(folder, `${from}.${extensions[0]}`)
    await writeFile(path, rendition.bytes)
    expect(
      openers.some(({ opens }) => opens.includes(to)),
      `somebody else who opens ${to}: name it in matrix-openers.ts`,
    ).toBe(true)
    const able = present.filter(({ opens }) => opens.includes(to))
    const found = await Promise.all(able.map((opener) => opener.open(path, source.showsHalves)))
    for (const [index, opened] of found.entries()) {
      const opener = able[index] as Opener
      const { width, height } = rendition.header
      if (opened.size) expect(opened.size, opener.name).toEqual({ width, height })
      if (opened.pages) expect(opened.pages, opener.name).toBe(rendition.header.pages)
      if (source.showsHalves && opened.colours) expectHalves(opened.colours, opener.name)
    }
    task.meta.openedBy = able.map(({ name }) => name)
    if (able.length === 0) {
      const packages = openers.flatMap((each) => (each.opens.includes(to) ? each.package : []))
      skip(`no other program here opens ${to}: install ${packages.join(' or ')}`)
    }
  })
})

test('the matrix equals the formats that the server lists', async () => {
  const told = await new Promise<ReceivedListFormatsResponse>((resolve, reject) =>
    converter.client.listFormats({}, (error, answer) => (answer ? resolve(answer) : reject(error))),
  )
  const names = (can: 'readable' | 'writable') =>
    told.formats.flatMap((format) => (format[can] ? format.name : [])).sort()
  expect(names('readable')).toEqual(capabilities.readable.map(({ name }) => name).sort())
  expect(names('writable')).toEqual(capabilities.writable.map(({ name }) => name).sort())
  // A matrix that shrank to nothing would pass every other test.
  expect(names('writable')).toEqual(expect.arrayContaining(['avif', 'jpeg', 'png', 'webp']))
})

test('one upload becomes every format at once, in whatever order they finish', async () => {
  const targets = capabilities.targetsOf('png').map(({ name }) => name)
  const { bytes } = await sourceOf('png')
  const { renditions, progress, parts, summary } = await convert(converter.client, bytes, targets)
  expect(renditions.map(({ header }) => header.format)).toEqual(targets)
  expect(parts[0]).toBe('admitted')
  expect(parts.at(-1)).toBe('summary')
  expect(progress.map(({ stage }) => stage)).toContain('STAGE_CONVERTING')
  expect(progress.at(-1)?.renditionsDone).toBe(targets.length)
  expect(Object.keys(summary.versions)).toEqual(
    expect.arrayContaining(['sharp', 'libvips', 'libwebp', 'aom', 'mozjpeg', 'cgif', 'libtiff']),
  )
})

/** Not turned, not mirrored, no channels swapped. */
function expectHalves({ left, right }: NonNullable<Opened['colours']>, opener: string): void {
  const [red = 0, , blueLeft = 0] = left
  const [redRight = 0, , blue = 0] = right
  expect(red - redRight, `${opener} sees red on the left: ${left}`).toBeGreaterThan(180)
  expect(blue - blueLeft, `${opener} sees blue on the right: ${right}`).toBeGreaterThan(180)
}
