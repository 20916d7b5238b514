import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { imageEngine } from '#src/engines/image'
import { convertOne, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { madePicture, madePictures, twoHalves } from './pictures.js'
import { plainPlan } from './plain-plan.js'

let converter: ConverterUnderTest
let folder: string
beforeAll(async () => {
  converter = await startConverter({ maxPixels: 1_000_000 })
  folder = await mkdtemp(join(tmpdir(), 'herald-bitmaps-test-'))
})
afterAll(async () => {
  await converter.close()
  await rm(folder, { recursive: true })
})

/** Red, green, blue, alpha of all pixels, as Herald's PNG has them. */
async function pixelsOf(file: Buffer, page?: number): Promise<Buffer> {
  const asked = { format: 'png', ...(page === undefined ? {} : { page }) }
  const { bytes } = await convertOne(converter.client, file, asked)
  return sharp(bytes).ensureAlpha().raw().toBuffer()
}

const names = (await readdir(madePictures)).filter((name) => /\.(bmp|ico)$/.test(name))

test.each(names)('%s is read as ImageMagick reads it, up to rounding', async (name) => {
  const seen = await pixelsOf(await madePicture(name))
  const expected = await madePicture(`${name}.rgba`)
  expect(seen.length).toBe(expected.length)
  expect(Math.max(...seen.map((value, at) => Math.abs(value - (expected[at] ?? 0))))).toBeLessThan(
    2,
  )
})

/** A BMP of 16 colours in two rows of 5: `codes` are its RLE4 codes. */
function rle4(...codes: readonly number[]): Buffer {
  const head = Buffer.alloc(54 + 64)
  head.write('BM', 0, 'latin1')
  head.writeUInt32LE(head.length, 10)
  head.writeUInt32LE(40, 14)
  head.writeInt32LE(5, 18)
  head.writeInt32LE(2, 22)
  head.writeUInt16LE(1, 26)
  head.writeUInt16LE(4, 28)
  head.writeUInt32LE(2, 30)
  for (let entry = 0; entry < 16; entry++) head.writeUInt8(entry * 17, 54 + entry * 4 + 2)
  return Buffer.concat([head, Buffer.from(codes)])
}

const reds = (pixels: Buffer) =>
  [...pixels].filter((_value, at) => at % 4 === 0).map((red) => red / 17)

test('RLE4: runs of two colours, single pixels, jumps, and rows from the bottom', async () => {
  // Below: 1 2 1, then 3 4 as they are; above: one left out, then 5 5 5 5.
  const file = rle4(3, 0x12, 0, 3, 0x34, 0x40, 0, 0, 0, 2, 1, 0, 4, 0x55, 0, 1)
  // Three single colours run over the row's end by one, which is left out.
  expect(reds(await pixelsOf(file))).toEqual([0, 5, 5, 5, 5, 1, 2, 1, 3, 4])
})

test('the first row is the top row if the height is negative', async () => {
  const file = await madePicture('bits-24.bmp')
  const turned = Buffer.from(file)
  turned.writeInt32LE(-turned.readInt32LE(22), 22)
  const { data } = await sharp(await pixelsOf(file), {
    raw: { width: 22, height: 12, channels: 4 },
  })
    .flip()
    .raw()
    .toBuffer({ resolveWithObject: true })
  expect((await pixelsOf(turned)).equals(data)).toBe(true)
})

describe('an icon file', () => {
  test('gives its largest picture, or the requested one', async () => {
    const icons = await madePicture('icons.ico')
    const { header, whole } = await convertOne(converter.client, icons, 'webp')
    expect(header).toMatchObject({ width: 24, height: 24, pages: 1 })
    expect(whole.input).toMatchObject({ format: 'ico', pages: 3 })
    expect(whole.stripped).toEqual(['pages'])
    const third = await convertOne(converter.client, icons, { format: 'webp', page: 2 })
    expect(third.header).toMatchObject({ width: 16, height: 16, page: 2 })
    expect(await refusal(converter.client, icons, [{ format: 'webp', page: 3 }])).toMatchObject({
      code: 'HERALD_BAD_OPTION',
      message: expect.stringContaining('3 pages or frames; number 4'),
    })
  })

  test('may hold PNGs', async () => {
    const png = await twoHalves(256, 256).png().toBuffer()
    const head = Buffer.alloc(22)
    head.writeUInt16LE(1, 2)
    head.writeUInt16LE(1, 4)
    head.writeUInt16LE(32, 12)
    head.writeUInt32LE(png.length, 14)
    head.writeUInt32LE(22, 18)
    const seen = await pixelsOf(Buffer.concat([head, png]))
    expect(seen.equals(await sharp(png).ensureAlpha().raw().toBuffer())).toBe(true)
  })
})

test('a BMP whose header states a huge size is refused, however small the file is', async () => {
  const file = Buffer.from(await madePicture('bits-24.bmp'))
  file.writeInt32LE(2_000_000_000, 18)
  file.writeInt32LE(2_000_000_000, 22)
  expect(await refusal(converter.client, file, ['png'])).toMatchObject({
    code: 'HERALD_TOO_MANY_PIXELS',
    message: expect.stringContaining('2,000,000,000 × 2,000,000,000'),
  })
})

test('a BMP in an unsupported coding is refused with that reason', async () => {
  const file = Buffer.from(await madePicture('bits-24.bmp'))
  file.writeUInt32LE(4, 30)
  expect(await refusal(converter.client, file, ['png'])).toMatchObject({
    code: 'HERALD_UNSUPPORTED_FILE',
    message: expect.stringContaining('24 bits, compression 4'),
  })
})

test.each(['bits-8-rle.bmp', 'bits-4.bmp', 'bits-32.bmp', 'icons.ico'])(
  '%s cut off or damaged anywhere is refused with its error code or converted',
  async (name) => {
    const whole = await madePicture(name)
    const outcomes = new Set<string>()
    for (let at = 8; at < whole.length; at += at < 150 ? 1 : 41) {
      const damaged = Buffer.from(whole)
      damaged.writeUInt8(255 - whole.readUInt8(at), at)
      outcomes.add(await outcomeOf(name.slice(-3), whole.subarray(0, at)))
      outcomes.add(await outcomeOf(name.slice(-3), damaged))
    }
    expect(outcomes).toContain('HERALD_CORRUPT_FILE')
    expect([...outcomes].filter((outcome) => !/^HERALD_|^converted$/.test(outcome))).toEqual([])
  },
)

/** `converted`, the code it is refused with, or what else was thrown. */
async function outcomeOf(format: string, bytes: Buffer): Promise<string> {
  const path = join(folder, 'source')
  await writeFile(path, bytes)
  const limits = { maxPixels: 1_000_000, maxPages: 500 }
  try {
    await imageEngine.convert({ path, format }, plainPlan('png'), join(folder, 'target'), limits)
    return 'converted'
  } catch (error) {
    return error instanceof HeraldError ? error.code : String(error)
  }
}
