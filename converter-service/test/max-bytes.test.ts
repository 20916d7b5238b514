import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { convertOne, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { noise } from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxPixels: 1_000_000 })
})
afterAll(() => converter.close())

/** A little of everything: smooth, and not too smooth. */
const picture = await noise(240, 160).blur(2).png().toBuffer()

test.each(['jpeg', 'webp', 'avif'])(
  'a limit of bytes chooses the best quality of %s that fits',
  async (format) => {
    const whole = await convertOne(converter.client, picture, { format, quality: 90 })
    const maxBytes = Math.round(whole.bytes.length / 3)
    const { bytes, summary } = await convertOne(converter.client, picture, {
      format,
      quality: 90,
      maxBytes,
    })
    expect(bytes.length).toBeLessThanOrEqual(maxBytes)
    const quality = summary.quality ?? 0
    expect(quality).toBeLessThan(90)
    // One step better would not have fitted, and what is said is what was used.
    const [same, better] = await Promise.all(
      [quality, quality + 1].map((each) =>
        convertOne(converter.client, picture, { format, quality: each }),
      ),
    )
    expect(better?.bytes.length).toBeGreaterThan(maxBytes)
    expect(Math.abs((same?.bytes.length ?? 0) - bytes.length)).toBeLessThan(maxBytes / 50)
  },
)

test('a limit that the requested quality keeps changes nothing', async () => {
  const asked = { format: 'webp', quality: 70, maxBytes: 1_000_000 }
  const { summary } = await convertOne(converter.client, picture, asked)
  expect(summary.quality).toBe(70)
})

test('a limit that no quality keeps is refused with one that fits', async () => {
  const asked = { format: 'jpeg', maxBytes: 400 }
  const refused = await refusal(converter.client, picture, [asked])
  expect(refused).toMatchObject({
    code: 'HERALD_CANNOT_FIT',
    message: expect.stringMatching(/still has [\d,]+ bytes; the requested limit is 400/),
  })
  const enough = Number(refused.remedy?.match(/allow ([\d,]+) bytes/)?.[1]?.replaceAll(',', ''))
  const { bytes } = await convertOne(converter.client, picture, { ...asked, maxBytes: enough })
  expect(bytes).toHaveLength(enough)
})

test('a limit holds for animations too', async () => {
  const frames = await Promise.all([1, 2, 3].map((seed) => noise(90, 60, seed).png().toBuffer()))
  const moving = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer()
  const whole = await convertOne(converter.client, moving, 'webp')
  const maxBytes = Math.round(whole.bytes.length / 2)
  const { header, bytes } = await convertOne(converter.client, moving, {
    format: 'webp',
    maxBytes,
  })
  expect(bytes.length).toBeLessThanOrEqual(maxBytes)
  expect(header.pages).toBe(3)
})
