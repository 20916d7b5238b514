import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { convert, convertOne, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { colourAt } from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxPixels: 1_000_000 })
})
afterAll(() => converter.close())

/**
 * A little of everything: smooth, and not too smooth. Always the same: of grain that is made anew
 * one in twenty becomes smaller with less effort.
 */
const picture = await sharp(grain(120 * 80 * 3), { raw: { width: 120, height: 80, channels: 3 } })
  .blur(2)
  .png()
  .toBuffer()

function grain(length: number): Uint8Array {
  let seed = 1
  return new Uint8Array(length).map(() => {
    seed = (seed * 16_807) % 2_147_483_647
    return seed & 255
  })
}

test.each(['webp', 'avif', 'png', 'gif'])(
  'effort is applied in %s and reported',
  async (format) => {
    const { renditions } = await convert(converter.client, picture, [
      { format, effort: 0 },
      { format, effort: 9 },
      { format },
    ])
    const [fast, hard, usual] = renditions
    expect([fast?.summary.effort, hard?.summary.effort]).toEqual([0, 9])
    expect(usual?.summary.effort).toBeGreaterThan(0)
    expect(hard?.bytes.equals(fast?.bytes as Buffer)).toBe(false)
    if (format === 'png' || format === 'webp') {
      expect(hard?.bytes.length).toBeLessThan(fast?.bytes.length ?? 0)
    }
  },
)

test('an effort for a format without one is ignored and not reported', async () => {
  const { summary } = await convertOne(converter.client, picture, { format: 'jpeg', effort: 9 })
  expect(summary.effort).toBeUndefined()
})

test('a palette makes a PNG of at most 256 colours', async () => {
  const { bytes } = await convertOne(converter.client, picture, { format: 'png', palette: true })
  expect(await sharp(bytes).metadata()).toMatchObject({ isPalette: true })
  const both = { format: 'png', palette: true, lossless: true }
  expect((await refusal(converter.client, picture, [both])).code).toBe('HERALD_BAD_OPTION')
})

test('the background fills transparent parts in every format', async () => {
  const clear = await sharp({
    create: { width: 9, height: 9, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer()
  for (const format of ['jpeg', 'png', 'webp']) {
    const asked = {
      format,
      background: '#3366cc',
      ...(format === 'webp' ? { lossless: true } : {}),
    }
    const { bytes } = await convertOne(converter.client, clear, asked)
    const seen = (await colourAt(bytes, 4, 4)).slice(0, 3)
    for (const [at, value] of [0x33, 0x66, 0xcc].entries()) {
      expect(Math.abs((seen[at] ?? 0) - value), format).toBeLessThan(3)
    }
  }
})
