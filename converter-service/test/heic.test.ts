import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Colour, deltaE, p3ToSrgb } from './colour-difference.js'
import { convert, convertOne, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { heifFile } from './heif-file.js'
import { colourAt, madePicture } from './pictures.js'

const eight = await madePicture('patches-8.heic')
const ten = await madePicture('patches-10.heic')

/** What `fixtures/pictures/make.sh` put into both: squares of 32 pixels. */
const patches: readonly (readonly Colour[])[] = [
  ['c03020', '20a040', '3050c0', 'e0e0e0'],
  ['e0a020', '803090', '30b0b0', '202020'],
].map((row) => row.map((hex) => [...Buffer.from(hex, 'hex')]))
/** Compression and 4:2:0 leave this much; colours taken for others' are 4 to 12 apart. */
const tolerance = 3

/** EXIF of a rotated phone in Greenwich, and its Display P3 profile. */
const telephone = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#fff' } })
  .withExif({
    IFD0: { Copyright: 'Ada', Make: 'A telephone' },
    IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 28/1 3230/100' },
  })
  .jpeg()
  .toBuffer()
  .then((bytes) => sharp(bytes).keepExif().withMetadata({ orientation: 6, icc: 'p3' }).toBuffer())
const { exif, icc, orientation } = await sharp(telephone).metadata()
if (!exif || !icc || orientation !== 6) throw new Error('the telephone says too little')
/** 3230/100 as EXIF holds it here. */
const seconds = Buffer.from([0x9e, 0x0c, 0, 0, 100, 0, 0, 0])

const photographs: Record<string, Buffer> = {
  HEIC: heifFile({ pictures: [eight], turns: 3, icc, exif }),
  // The same numbers under the same profile: sharp must not convert them on the way.
  JPEG: await sharp(patchPixels(), { raw: { width: 128, height: 64, channels: 3 } })
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer()
    .then((bytes) => withSegments(bytes, exif, icc)),
}

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxPixels: 1_000_000 })
})
afterAll(() => converter.close())

/** How far the middles of the patches are from what they should be, turned by 90° clockwise. */
async function worstUpright(bytes: Buffer, expected = p3ToSrgb): Promise<number> {
  const apart = patches.flatMap((row, y) =>
    row.map(async (colour, x) => {
      const seen = await colourAt(bytes, 64 - 1 - (y * 32 + 16), x * 32 + 16)
      return deltaE(seen, expected(colour))
    }),
  )
  return Math.max(...(await Promise.all(apart)))
}

describe.each(['HEIC', 'JPEG'])('a photograph from a phone, as %s', (kind) => {
  const photograph = photographs[kind] as Buffer

  test('has a location, is rotated and is in Display P3', async () => {
    expect(photograph.includes(seconds)).toBe(true)
    const { whole } = await convertOne(converter.client, photograph, 'jpeg')
    expect(whole.input).toMatchObject({ format: kind.toLowerCase(), width: 64, height: 128 })
    expect(whole.stripped).toEqual(expect.arrayContaining(['exif', 'gps', 'icc']))
  })

  test.each(['jpeg', 'png', 'webp', 'avif', 'tiff'])(
    'comes out as %s upright, in the right colours, without its location',
    async (format) => {
      const asked = { format, quality: 95 }
      const { header, bytes } = await convertOne(converter.client, photograph, asked)
      expect(header).toMatchObject({ width: 64, height: 128 })
      expect(await worstUpright(bytes)).toBeLessThan(tolerance)
      const seen = await sharp(bytes).metadata()
      expect(seen.exif).toBeUndefined()
      expect(seen.orientation ?? 1).toBe(1)
      expect(bytes.includes(seconds)).toBe(false)
    },
  )

  test('keeps its author but not its location, and is not rotated again by a viewer', async () => {
    const { bytes, whole } = await convertOne(converter.client, photograph, {
      format: 'jpeg',
      keep: ['KEEP_EXIF'],
    })
    const seen = await sharp(bytes).metadata()
    expect(seen.exif?.toString('latin1')).toContain('Ada')
    expect(seen).toMatchObject({ width: 64, height: 128 })
    expect(seen.orientation ?? 1).toBe(1)
    expect(bytes.includes(seconds)).toBe(false)
    expect(whole.stripped).toContain('gps')
  })

  test('keeps its location on request', async () => {
    const { bytes, whole } = await convertOne(converter.client, photograph, {
      format: 'jpeg',
      keep: ['KEEP_GPS'],
    })
    expect(bytes.includes(seconds)).toBe(true)
    expect(whole.stripped).not.toContain('gps')
  })

  test('keeps its profile and values', async () => {
    const { bytes, whole } = await convertOne(converter.client, photograph, {
      format: 'webp',
      lossless: true,
      keep: ['KEEP_ICC'],
    })
    expect((await sharp(bytes).metadata()).icc).toEqual(icc)
    expect(await worstUpright(bytes), 'to who reads the profile').toBeLessThan(tolerance)
    const numbers = await sharp(bytes, { ignoreIcc: true }).png().toBuffer()
    expect(await worstUpright(numbers, (colour) => colour)).toBeLessThan(tolerance)
    expect(whole.stripped).not.toContain('icc')
  })
})

test('the measure detects a rotated picture and an ignored profile', async () => {
  const plain = heifFile({ pictures: [eight], turns: 3 })
  const { bytes } = await convertOne(converter.client, plain, { format: 'png' })
  expect(await worstUpright(bytes, (colour) => colour)).toBeLessThan(tolerance)
  expect(await worstUpright(bytes)).toBeGreaterThan(4)
  const turned = await sharp(bytes).rotate(180).toBuffer()
  expect(await worstUpright(turned, (colour) => colour)).toBeGreaterThan(20)
})

test.each(['heic', 'mif1'])(
  'a picture of tiles, by the brand %s, is assembled before it is rotated',
  async (brand) => {
    const tiles = heifFile({ pictures: [eight, eight], tiled: true, turns: 3, icc, exif, brand })
    const { header, bytes, whole } = await convertOne(converter.client, tiles, 'png')
    expect(whole.input).toMatchObject({ format: 'heic', width: 64, height: 256, pages: 1 })
    expect(header).toMatchObject({ width: 64, height: 256 })
    for (const top of [0, 128]) {
      const tile = await sharp(bytes).extract({ left: 0, top, width: 64, height: 128 }).toBuffer()
      expect(await worstUpright(tile)).toBeLessThan(tolerance)
    }
  },
)

test('a HEIF file with AV1 is read as well', async () => {
  const avif = await sharp(patchPixels(), { raw: { width: 128, height: 64, channels: 3 } })
    .avif({ quality: 90 })
    .toBuffer()
  avif.write('mif1', 8, 'latin1')
  const { header, whole } = await convertOne(converter.client, avif, 'png')
  expect(whole.input?.format).toBe('heic')
  expect(header).toMatchObject({ width: 128, height: 64 })
})

test('10 bits become 16 in PNG and 8 in JPEG', async () => {
  const deep = heifFile({ pictures: [ten], turns: 3, icc })
  const { renditions } = await convert(converter.client, deep, ['png', 'jpeg'])
  const [png, jpeg] = renditions.map(({ bytes }) => bytes) as [Buffer, Buffer]
  expect((await sharp(png).metadata()).depth).toBe('ushort')
  expect((await sharp(jpeg).metadata()).depth).toBe('uchar')
  const shown = await sharp(png).toColourspace('srgb').png().toBuffer()
  expect(await worstUpright(shown)).toBeLessThan(tolerance)
  expect(await worstUpright(jpeg)).toBeLessThan(tolerance)
})

test('each picture of a HEIC file can be requested', async () => {
  const [upright, lying] = [
    heifFile({ pictures: [eight] }),
    heifFile({ pictures: [eight, ten, eight] }),
  ]
  const { renditions, summary } = await convert(converter.client, lying, [
    { format: 'png', everyPage: true },
  ])
  expect(summary.input?.pages).toBe(3)
  expect(renditions.map(({ header }) => header.page).sort()).toEqual([0, 1, 2])
  const single = await convertOne(converter.client, upright, 'png')
  const last = renditions.find(({ header }) => header.page === 2)
  expect(last?.bytes.equals(single.bytes)).toBe(true)
  const refused = await refusal(converter.client, lying, [{ format: 'png', page: 3 }])
  expect(refused).toMatchObject({
    code: 'HERALD_BAD_OPTION',
    message: 'The file has 3 pages or frames; number 4 was requested.',
  })
})

test('a HEIC file whose header states a huge size is refused', async () => {
  const huge = heifFile({ pictures: [eight], size: [17_000, 17_000] })
  expect(await refusal(converter.client, huge, ['webp'])).toMatchObject({
    code: 'HERALD_TOO_MANY_PIXELS',
    message: expect.stringContaining('289,000,000 pixels'),
  })
})

test('a HEIC file that is cut off or damaged anywhere is refused with its error code or converted', async () => {
  const whole = photographs['HEIC'] as Buffer
  const codes = new Set<string | undefined>()
  for (let at = 40; at < whole.length; at += 61) {
    const damaged = Buffer.from(whole)
    damaged.writeUInt8((whole.readUInt8(at) + 128) % 256, at)
    for (const bytes of [whole.subarray(0, at), damaged]) {
      const code = await convertOne(converter.client, bytes, 'png').then(
        () => 'converted',
        () => refusal(converter.client, bytes, ['png']).then((refused) => refused.code),
      )
      codes.add(code)
    }
  }
  expect([...codes].sort()).toEqual(expect.arrayContaining(['HERALD_CORRUPT_FILE', 'converted']))
  expect(codes).not.toContain('HERALD_INTERNAL')
})

function patchPixels(): Buffer {
  const rows = patches.flatMap((row) => {
    const line = row.flatMap((colour) => Array.from({ length: 32 }, () => colour).flat())
    return Array.from({ length: 32 }, () => line).flat()
  })
  return Buffer.from(rows)
}

/** Puts EXIF and a profile into a JPEG as they are (ICC.1, annex B.4). */
function withSegments(jpeg: Buffer, about: Buffer, profile: Buffer): Buffer {
  const segment = (marker: number, body: Buffer) =>
    Buffer.concat([
      Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255]),
      body,
    ])
  const icc = Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'), profile])
  const [start, rest] = [jpeg.subarray(0, 2), jpeg.subarray(2)]
  return Buffer.concat([start, segment(0xe1, about), segment(0xe2, icc), rest])
}
