import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { convert, convertOne } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import {
  animation,
  colourAt,
  corpusFile,
  corpusLeftOut,
  hasCorpus,
  noise,
  svgText,
  twoHalves,
} from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

test.each(['gif', 'webp'] as const)('an animated %s stays animated', async (from) => {
  const moving = await animation(from, 3)
  const { renditions, summary } = await convert(converter.client, moving, [
    { format: 'gif' },
    { format: 'webp', width: 20 },
    { format: 'png' },
  ])
  expect(summary.input?.pages).toBe(3)
  expect(summary.stripped).toEqual([])
  expect(renditions.map(({ header: { pages, width, height } }) => [pages, width, height])).toEqual([
    [3, 40, 30],
    [3, 20, 15],
    [1, 40, 30],
  ])
  const { pages, delay, loop } = await sharp(renditions[1]?.bytes, { animated: true }).metadata()
  expect({ pages, delay, loop }).toEqual({ pages: 3, delay: [100, 100, 100], loop: 2 })
})

test('an animation becomes its first frame in a still format, which is reported', async () => {
  const { header, bytes, whole } = await convertOne(
    converter.client,
    await animation('gif', 3),
    'jpeg',
  )
  expect(header.pages).toBe(1)
  expect(whole.stripped).toEqual(['pages'])
  const [red, green] = await colourAt(bytes, 5, 5)
  expect(red).toBeGreaterThan(200)
  expect(green).toBeLessThan(60)
})

test('the pages of a TIFF stay pages in TIFF', async () => {
  const pages = await Promise.all(
    ['#ff0000', '#00ff00'].map((background) =>
      sharp({ create: { width: 30, height: 20, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  const scan = await sharp(pages, { join: { animated: true } })
    .tiff()
    .toBuffer()
  const { header, whole } = await convertOne(converter.client, scan, 'tiff')
  expect(header).toMatchObject({ width: 30, height: 20, pages: 2 })
  expect(whole.stripped).toEqual([])
})

test('transparent parts become white if the format has no transparency', async () => {
  const clear = await sharp({
    create: { width: 10, height: 10, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer()
  const { bytes, whole } = await convertOne(converter.client, clear, 'jpeg')
  expect(await colourAt(bytes, 5, 5)).toEqual([255, 255, 255])
  const preview = await sharp(whole.preview?.data).metadata()
  expect(preview).toMatchObject({ format: 'jpeg', hasAlpha: false })
})

test('a picture is not enlarged unless requested', async () => {
  const small = await twoHalves(120, 80).png().toBuffer()
  expect(
    (await convertOne(converter.client, small, { format: 'png', width: 600 })).header,
  ).toMatchObject({ width: 120 })
  const larger = await convertOne(converter.client, small, {
    format: 'png',
    width: 600,
    enlarge: true,
  })
  expect(larger.header).toMatchObject({ width: 600, height: 400 })
})

test.each([
  ['FIT_INSIDE', 60, 40],
  ['FIT_UNSPECIFIED', 60, 40],
  ['FIT_COVER', 60, 60],
  ['FIT_CONTAIN', 60, 60],
  ['FIT_FILL', 60, 60],
  ['FIT_OUTSIDE', 90, 60],
] as const)('%s makes 120 × 80 in a box of 60 × 60 a picture of %i × %i', async (fit, w, h) => {
  const picture = await twoHalves(120, 80).png().toBuffer()
  const { header } = await convertOne(converter.client, picture, {
    format: 'png',
    width: 60,
    height: 60,
    fit,
  })
  expect(header).toMatchObject({ width: w, height: h })
})

test('an enlarged SVG is drawn larger, not blurred', async () => {
  const { header, bytes } = await convertOne(converter.client, Buffer.from(svgText), {
    format: 'png',
    width: 1200,
  })
  expect(header).toMatchObject({ width: 1200, height: 800 })
  // Where red meets blue there is no zone between: at most the one column of the border.
  const { data, info } = await sharp(bytes)
    .removeAlpha()
    .extract({ left: 580, top: 400, width: 40, height: 1 })
    .raw()
    .toBuffer({ resolveWithObject: true })
  const mixed = Array.from({ length: info.width }, (_, x) => data[x * info.channels] ?? 0).filter(
    (red) => red > 5 && red < 250,
  )
  expect(mixed.length).toBeLessThanOrEqual(1)
})

test('an SVG reads no other file', async () => {
  const secret = '/usr/share/pixmaps/debian-logo.png'
  const picture = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="50" height="50"><image href="file://${process.cwd()}/x.png" width="50" height="50"/><image xlink:href="${secret}" width="50" height="50"/><image href="source" width="50" height="50"/></svg>`,
  )
  const { bytes } = await convertOne(converter.client, picture, 'png')
  expect(await colourAt(bytes, 25, 25)).toEqual([0, 0, 0, 0])
})

test.each(['png', 'webp', 'avif', 'tiff'])('lossless %s keeps every pixel', async (format) => {
  const picture = await noise(64, 48).png().toBuffer()
  const { bytes, summary } = await convertOne(converter.client, picture, {
    format,
    lossless: true,
  })
  const pixels = (from: Buffer) => sharp(from).removeAlpha().raw().toBuffer()
  expect((await pixels(bytes)).equals(await pixels(picture))).toBe(true)
  expect(summary.quality).toBeUndefined()
})

test.each(['png', 'webp', 'tiff'])(
  'lossless %s keeps even the colours of transparent pixels',
  async (format) => {
    const pixels = Buffer.from([10, 20, 30, 0, 40, 50, 60, 255, 70, 80, 90, 0, 5, 6, 7, 128])
    const raw = { width: 2, height: 2, channels: 4 } as const
    const picture = await sharp(pixels, { raw }).png().toBuffer()
    const asked = { format, lossless: true }
    const { bytes } = await convertOne(converter.client, picture, asked)
    expect(await sharp(bytes).raw().toBuffer()).toEqual(pixels)
  },
)

test('quality is applied and reported', async () => {
  const picture = await noise(300, 200).png().toBuffer()
  const low = await convertOne(converter.client, picture, { format: 'webp', quality: 10 })
  const high = await convertOne(converter.client, picture, { format: 'webp', quality: 95 })
  expect(low.summary.quality).toBe(10)
  expect(low.bytes.length).toBeLessThan(high.bytes.length)
})

test('16 bits stay 16 bits in PNG and become 8 in JPEG', async () => {
  const deep = await twoHalves().toColourspace('rgb16').png().toBuffer()
  expect(
    (await sharp((await convertOne(converter.client, deep, 'png')).bytes).metadata()).depth,
  ).toBe('ushort')
  expect(
    (await sharp((await convertOne(converter.client, deep, 'jpeg')).bytes).metadata()).depth,
  ).toBe('uchar')
})

test.runIf(hasCorpus)(
  `CMYK becomes sRGB, and its profile is said to be gone${corpusLeftOut}`,
  async () => {
    const { bytes, whole } = await convertOne(
      converter.client,
      await corpusFile('Channel_digital_image_CMYK_color.jpg'),
      'webp',
    )
    expect((await sharp(bytes).metadata()).space).toBe('srgb')
    expect(whole.stripped).toContain('icc')
  },
)

test('the names jpg and tif are accepted', async () => {
  const picture = await twoHalves().png().toBuffer()
  expect((await convertOne(converter.client, picture, 'jpg')).header.format).toBe('jpeg')
  expect((await convertOne(converter.client, picture, 'TIF')).header.format).toBe('tiff')
})
