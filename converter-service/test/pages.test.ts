import { afterAll, beforeAll, expect, test } from 'vitest'
import { convert, convertOne, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { animation, colourAt, madePicture, twoHalves } from './pictures.js'
import { scan } from './tiff-pages.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxPixels: 1_000_000 })
})
afterAll(() => converter.close())

const still = await twoHalves().png().toBuffer()

test.each(['gif', 'webp'] as const)('a page selects one frame of an animated %s', async (from) => {
  const moving = await animation(from, 3)
  const { header, bytes, whole } = await convertOne(converter.client, moving, {
    format: 'webp',
    lossless: true,
    page: 1,
  })
  expect(header).toMatchObject({ pages: 1, page: 1, width: 40, height: 30 })
  const [red = 255, green = 0] = await colourAt(bytes, 5, 5)
  expect([red < 9, green > 246]).toEqual([true, true])
  expect(whole.stripped).toContain('pages')
})

test('a page is one page of a TIFF, of its own size', async () => {
  const { renditions } = await convert(converter.client, await scan(), [
    { format: 'png', page: 0 },
    { format: 'png', page: 1 },
  ])
  expect(renditions.map(({ header }) => [header.width, header.height])).toEqual([
    [30, 20],
    [10, 50],
  ])
  expect(await colourAt(renditions[1]?.bytes as Buffer, 5, 5)).toEqual([0, 255, 0])
})

test('a missing page is refused with the number of pages', async () => {
  const moving = await animation('gif', 3)
  for (const [file, message] of [
    [moving, 'The file has 3 pages or frames; number 4 was requested.'],
    [still, 'The file has one page or frame; number 4 was requested.'],
  ] as const) {
    const refused = await refusal(converter.client, file, [{ format: 'png', page: 3 }])
    expect(refused).toMatchObject({ code: 'HERALD_BAD_OPTION', message })
  }
})

test('only the first frame of an animated PNG can be read, as its error states', async () => {
  const file = animatedPng(await twoHalves().png().toBuffer(), 7)
  const { whole } = await convertOne(converter.client, file, 'webp')
  expect(whole.stripped).toEqual(['pages'])
  expect(await refusal(converter.client, file, [{ format: 'webp', page: 2 }])).toMatchObject({
    code: 'HERALD_UNSUPPORTED_FILE',
    message: expect.stringContaining('7 frames, of which this server can read only the first'),
  })
})
test('only the still picture of an AVIF sequence can be read, as its error states', async () => {
  const file = await madePicture('sequence.avif')
  const { header, bytes, whole } = await convertOne(converter.client, file, 'png')
  expect(header).toMatchObject({ width: 64, height: 48, pages: 1 })
  const [red = 0, green = 0] = await colourAt(bytes, 5, 5)
  expect(red - green).toBeGreaterThan(200)
  expect(whole.stripped).toEqual(['pages'])
  expect(await refusal(converter.client, file, [{ format: 'webp', page: 1 }])).toMatchObject({
    code: 'HERALD_UNSUPPORTED_FILE',
    message: expect.stringContaining('animated AVIF with 3 frames'),
  })
})

/** A PNG that says it has more frames (PNG 3rd edition, §11.3.6.1); they are not read here. */
function animatedPng(png: Buffer, frames: number): Buffer {
  const control = Buffer.alloc(20)
  control.writeUInt32BE(8, 0)
  control.write('acTL', 4, 'latin1')
  control.writeUInt32BE(frames, 8)
  // Its checksum is not looked at: libpng passes over chunks it does not know.
  return Buffer.concat([png.subarray(0, 33), control, png.subarray(33)])
}
