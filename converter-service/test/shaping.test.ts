import type { RenditionSpec } from '@herald/proto/converter'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convertOne, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { animation, colourAt, svgText, twoHalves } from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxPixels: 1_000_000 })
})
afterAll(() => converter.close())

/** A bright square at the lower right of grey: what is looked for, and not in the middle. */
const eyeCatcher = await sharp({
  create: { width: 200, height: 100, channels: 3, background: '#777777' },
})
  .composite([
    {
      input: await sharp({ create: { width: 30, height: 30, channels: 3, background: '#ff2000' } })
        .png()
        .toBuffer(),
      left: 165,
      top: 60,
    },
  ])
  .png()
  .toBuffer()

describe('gravity', () => {
  const cover = { format: 'png', width: 50, height: 50, fit: 'FIT_COVER' } as const
  test.each([
    ['GRAVITY_WEST', 20, 0],
    ['GRAVITY_EAST', 0, 20],
  ] as const)('%s keeps that side of what is cropped', async (gravity, least, most) => {
    const picture = await twoHalves(200, 50).png().toBuffer()
    const { bytes } = await convertOne(converter.client, picture, { ...cover, gravity })
    const [red = 0, , blue = 0] = await colourAt(bytes, 25, 25)
    expect(red > 200, 'red').toBe(least > most)
    expect(blue > 200, 'blue').toBe(most > least)
  })

  test.each(['GRAVITY_ATTENTION', 'GRAVITY_ENTROPY'] as const)(
    '%s finds a subject off the centre, in an animation for all frames alike',
    async (gravity) => {
      const square = async (file: Buffer, asked: RenditionSpec) => {
        const { bytes, header } = await convertOne(converter.client, file, asked)
        const { data } = await sharp(bytes, { animated: true })
          .removeAlpha()
          .raw()
          .toBuffer({ resolveWithObject: true })
        const red = data.filter(
          (value, at) => at % 3 === 0 && value > 230 && (data[at + 1] ?? 0) < 90,
        )
        return { share: red.length / header.pages, pages: header.pages }
      }
      const asked = { ...cover, width: 100, height: 100 }
      expect((await square(eyeCatcher, asked)).share).toBeLessThan(10)
      expect((await square(eyeCatcher, { ...asked, gravity })).share).toBeGreaterThan(800)
      const moving = await sharp(
        [eyeCatcher, await sharp(eyeCatcher).modulate({ brightness: 1.05 }).toBuffer()],
        { join: { animated: true } },
      )
        .gif({ delay: [40, 70] })
        .toBuffer()
      const found = await square(moving, { ...asked, format: 'webp', gravity })
      expect(found.pages).toBe(2)
      expect(found.share).toBeGreaterThan(700)
    },
  )

  test('by content is refused if nothing is cropped', async () => {
    const asked = { format: 'png', width: 50, gravity: 'GRAVITY_ATTENTION' } as const
    expect(await refusal(converter.client, eyeCatcher, [asked])).toMatchObject({
      code: 'HERALD_BAD_OPTION',
      remedy: expect.stringContaining('cover'),
    })
  })

  test('positions a contained picture', async () => {
    const picture = await twoHalves(100, 50).png().toBuffer()
    const asked = { format: 'png', width: 50, height: 50, fit: 'FIT_CONTAIN' } as const
    const { bytes } = await convertOne(converter.client, picture, {
      ...asked,
      gravity: 'GRAVITY_SOUTH',
    })
    expect((await colourAt(bytes, 10, 5))[3]).toBe(0)
    expect((await colourAt(bytes, 10, 45))[3]).toBe(255)
  })
})

describe('rotate', () => {
  test('90 turns clockwise, before the box is applied', async () => {
    const { header, bytes } = await convertOne(
      converter.client,
      await twoHalves(120, 80).png().toBuffer(),
      { format: 'png', rotate: 90, width: 40 },
    )
    expect(header).toMatchObject({ width: 40, height: 60 })
    const [redTop = 0, , blueTop = 0] = await colourAt(bytes, 20, 5)
    expect(redTop).toBeGreaterThan(blueTop)
  })

  test.each([
    ['png', undefined, [0, 0, 0, 0]],
    ['jpeg', undefined, [255, 255, 255]],
    ['webp', '#00ff00', [0, 255, 0]],
    ['jpeg', '#00ff00', [0, 255, 1]],
  ] as const)('by any angle fills the corners: %s, %s', async (format, background, expected) => {
    const asked = { format, rotate: 45, ...(background ? { background } : {}), quality: 100 }
    const { header, bytes } = await convertOne(
      converter.client,
      await twoHalves(100, 60).png().toBuffer(),
      asked,
    )
    // (100 + 60) / √2
    for (const side of [header.width, header.height]) {
      expect(Math.abs(side - 113.1)).toBeLessThanOrEqual(1)
    }
    const corner = await colourAt(bytes, 2, 2)
    for (const [at, value] of corner.slice(0, expected.length).entries()) {
      expect(Math.abs(value - (expected[at] ?? 0)), `channel ${at} of ${corner}`).toBeLessThan(4)
    }
  })

  test.each([
    ['8 bits', 'b-w'],
    ['16 bits', 'grey16'],
  ])('a grey picture of %s does not make the background grey', async (_what, space) => {
    const grey = await twoHalves(60, 40).toColourspace(space).png().toBuffer()
    const box = { width: 50, height: 50, fit: 'FIT_CONTAIN' } as const
    for (const asked of [{ rotate: 45 }, { rotate: 90, ...box }, box]) {
      const rendition = { format: 'png', background: '#00ff00', ...asked }
      const { bytes } = await convertOne(converter.client, grey, rendition)
      const shown = await sharp(bytes).toColourspace('srgb').png().toBuffer()
      expect((await colourAt(shown, 1, 1)).slice(0, 3)).toEqual([0, 255, 0])
    }
  })

  test('fills the corners of a CMYK picture with the exact colour', async () => {
    const inks = await sharp({ create: { width: 60, height: 60, channels: 3, background: '#f00' } })
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer()
    // sharp rotates before it converts the colours only if a resize follows.
    const asked = { format: 'png', rotate: 45, width: 50, background: '#00ff00' }
    const { bytes } = await convertOne(converter.client, inks, asked)
    expect((await colourAt(bytes, 2, 2)).slice(0, 3)).toEqual([0, 255, 0])
  })

  test.each([90, 45])(
    'rotates all frames of an animation by %i and keeps their timing',
    async (rotate) => {
      const moving = await sharp(await animation('gif', 3), { animated: true })
        .gif({ delay: [40, 70, 100], loop: 5 })
        .toBuffer()
      const { header, bytes } = await convertOne(converter.client, moving, {
        format: 'webp',
        rotate,
      })
      expect(header.pages).toBe(3)
      const seen = await sharp(bytes, { animated: true }).metadata()
      expect(seen).toMatchObject({ pages: 3, delay: [40, 70, 100], loop: 5 })
      if (rotate === 90) expect(header).toMatchObject({ width: 30, height: 40 })
    },
  )

  test('a drawing is rendered at its size and then rotated, not blurred', async () => {
    const asked = { format: 'png', rotate: 90, height: 1200 }
    const { header, bytes } = await convertOne(converter.client, Buffer.from(svgText), asked)
    expect(header).toMatchObject({ width: 800, height: 1200 })
    const { data, info } = await sharp(bytes)
      .removeAlpha()
      .extract({ left: 400, top: 580, width: 1, height: 40 })
      .raw()
      .toBuffer({ resolveWithObject: true })
    const mixed = Array.from({ length: info.height }, (_, y) => data[y * 3] ?? 0).filter(
      (red) => red > 5 && red < 250,
    )
    expect(mixed.length).toBeLessThanOrEqual(2)
  })
})
