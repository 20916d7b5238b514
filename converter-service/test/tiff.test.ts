import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RenditionPlan } from '#src/engines/engine'
import { imageEngine } from '#src/engines/image'
import { bindPictures } from '#src/engines/pdf/pdf-of-pictures'
import { colourAt } from './pictures.js'
import { plainPlan } from './plain-plan.js'
import { type TiffPage, tiffFile } from './tiff-file.js'
import { scan } from './tiff-pages.js'

const limits = { maxPixels: 10_000_000, maxPages: 100, maxBytes: 10_000_000 }
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-tiff-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const fixture = (name: string) => readFile(new URL(`./fixtures/tiff/${name}`, import.meta.url))

async function make(tiff: Buffer, format: string, changes: Partial<RenditionPlan> = {}) {
  const source = { path: join(folder, 'source.tif'), format: 'tiff' }
  const target = join(folder, 'target')
  await writeFile(source.path, tiff)
  const inspection = await imageEngine.inspect(source)
  const made = await imageEngine.convert(source, plainPlan(format, changes), target, limits)
  return { inspection, made, bytes: await readFile(target) }
}

async function colourOf(tiff: Buffer, format: string, changes: Partial<RenditionPlan> = {}) {
  const { bytes } = await make(tiff, format, { lossless: format === 'webp', ...changes })
  const shown = await sharp(bytes).toColourspace('srgb').png().toBuffer()
  return colourAt(shown, 4, 4)
}

const page = (changes: Pick<TiffPage, 'bits' | 'photometric' | 'pixel'> & Partial<TiffPage>) =>
  tiffFile({ width: 8, height: 8, ...changes })

const float = { bits: 32, sampleFormat: 3 } as const
const readable: Readonly<Record<string, readonly [Buffer, readonly number[]]>> = {
  'grey in floating point': [page({ ...float, photometric: 1, pixel: [0.5] }), [128, 128, 128]],
  'RGB in floating point': [
    page({ ...float, photometric: 2, pixel: [0.8, 0.5, 0.2] }),
    [204, 128, 51],
  ],
  'RGB and alpha in floating point': [
    page({ ...float, photometric: 2, pixel: [0.8, 0.5, 0.2, 0.5], extraSamples: [2] }),
    [204, 128, 51, 128],
  ],
  'grey in 32 bits': [page({ bits: 32, photometric: 1, pixel: [2 ** 31] }), [128, 128, 128]],
  'RGB in 32 bits': [
    page({ bits: 32, photometric: 2, pixel: [0xc0000000, 2 ** 31, 0x20000000] }),
    [192, 128, 32],
  ],
  'RGB in 16 bits and two masks': [
    page({ bits: 16, photometric: 2, pixel: [0xc000, 0x8000, 0x2000, 9, 9], extraSamples: [0, 0] }),
    [192, 128, 32],
  ],
  'RGB, a mask and alpha': [
    page({ bits: 8, photometric: 2, pixel: [200, 100, 50, 1, 128], extraSamples: [0, 2] }),
    [200, 100, 50, 128],
  ],
  // By the formulas of CIE and sRGB, under D50: libtiff's default, and what Photoshop writes.
  'CIE L*a*b* in 8 bits': [
    page({ bits: 8, photometric: 8, pixel: [128, 30, 200] }),
    [126, 103, 216],
  ],
  'CIE L*a*b* in 16 bits': [
    page({ bits: 16, photometric: 8, pixel: [0x8080, 0x1e00, 0xc800] }),
    [126, 103, 216],
  ],
  'CIE L*a*b* and alpha': [
    page({ bits: 8, photometric: 8, pixel: [128, 30, 200, 128], extraSamples: [2] }),
    [126, 103, 216, 128],
  ],
  'ICC L*a*b* in 8 bits': [
    page({ bits: 8, photometric: 9, pixel: [128, 158, 72] }),
    [126, 103, 216],
  ],
  'ICC L*a*b* in 16 bits': [
    page({ bits: 16, photometric: 9, pixel: [0x8000, 0x9e00, 0x4800] }),
    [126, 103, 216],
  ],
}

describe.each(['png', 'webp', 'tiff', 'jpeg'])('a TIFF becomes %s with its colours', (format) => {
  test.each(Object.entries(readable))('%s', async (_what, [tiff, colour]) => {
    const changes = format === 'jpeg' ? { background: '#ffffff', quality: 100 } : {}
    const seen = await colourOf(tiff, format, changes)
    const [, , , alpha = 255] = colour
    const expected =
      format === 'jpeg'
        ? colour.slice(0, 3).map((value) => (value * alpha + 255 * (255 - alpha)) / 255)
        : colour
    for (const [channel, value] of expected.entries()) {
      expect(Math.abs(value - (seen[channel] ?? 0)), `${seen}`).toBeLessThanOrEqual(3)
    }
  })
})

test.each([
  ['L*a*b* of 8 bits', { bits: 8, pixel: [127, 0, 0] }],
  ['L*a*b* in floating point', { ...float, pixel: [50, 0, 0] }],
])('the RGB profile of a TIFF with %s is ignored', async (_what, kind) => {
  const create = { width: 1, height: 1, channels: 3, background: '#000' } as const
  const withProfile = await sharp({ create }).withIccProfile('srgb').png().toBuffer()
  const { icc } = await sharp(withProfile).metadata()
  const tiff = page({ ...kind, photometric: 8, ...(icc ? { icc } : {}) })
  const [red = 0, green = 0, blue = 0] = await colourOf(tiff, 'png')
  for (const value of [red, green, blue]) expect(Math.abs(value - 119)).toBeLessThan(4)
})

describe.each(['png', 'jpeg'])('a TIFF with extra channels becomes %s', (format) => {
  test.each(['rgb-two-masks', 'rgb-alpha-and-mask', 'rgb-one-mask', 'cmyk', 'cmyk-alpha'])(
    '%s',
    async (name) => {
      const { made, bytes } = await make(await fixture(`${name}.tif`), format)
      expect(made).toMatchObject({ width: 64, height: 64 })
      const [red = 0, green = 0, blue = 0] = await colourAt(bytes, 10, 10)
      // None of the cases is grey or black there.
      expect(Math.max(red, green, blue) - Math.min(red, green, blue)).toBeGreaterThan(20)
    },
  )
})

describe('what would be converted wrongly is refused with the reason', () => {
  test.each([
    ['signed', page({ bits: 16, sampleFormat: 2, photometric: 1, pixel: [9] }), /signed numbers/],
    ['double', page({ bits: 64, sampleFormat: 3, photometric: 1, pixel: [0.5] }), /of 64 bits/],
    ['heights', page({ ...float, photometric: 1, pixel: [812.5] }), /numbers from 0 to 812\.5/],
    ['below black', page({ ...float, photometric: 1, pixel: [-3] }), /numbers from -3 to 1/],
    [
      'YCbCr that is not JPEG',
      page({ bits: 8, photometric: 6, pixel: [128, 90, 200] }),
      /brightness and colour differences/,
    ],
    ['none', page({ ...float, photometric: 1, pixel: [Number.NaN] }), /numbers from NaN/],
    [
      'three greys',
      page({ bits: 8, photometric: 1, pixel: [1, 2, 3], extraSamples: [0, 0] }),
      /3 channels that are not colours/,
    ],
    [
      'six channels',
      page({ bits: 8, photometric: 2, pixel: [1, 2, 3, 4, 5, 6], extraSamples: [0, 0, 0] }),
      /more than 5 channels/,
    ],
  ])('%s', async (_what, tiff, message) => {
    await expect(make(tiff, 'png')).rejects.toMatchObject({
      code: 'HERALD_UNSUPPORTED_FILE',
      message: expect.stringMatching(message),
    })
  })

  test('two spot inks', async () => {
    await expect(make(await fixture('cmyk-two-spot-inks.tif'), 'jpeg')).rejects.toMatchObject({
      code: 'HERALD_UNSUPPORTED_FILE',
      message: expect.stringMatching(/spot colours/),
    })
  })
})

describe('a fax of 204 by 98 dots per inch', () => {
  test('has square pixels in every format', async () => {
    const { inspection, made, bytes } = await make(await fixture('fax.tif'), 'png')
    expect(inspection).toMatchObject({ width: 1728, height: 2290, pages: 2 })
    expect(made).toMatchObject({ width: 1728, height: 2290 })
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 1728, height: 2290 })
    const half = await make(await fixture('fax.tif'), 'png', { width: 864, rotate: 90 })
    expect(half.made).toMatchObject({ width: 864, height: 652 })
  })

  test('makes a PDF with pages of its size', async () => {
    const source = { path: join(folder, 'fax.tif'), format: 'tiff' }
    await writeFile(source.path, await fixture('fax.tif'))
    const target = join(folder, 'fax.pdf')
    await bindPictures(source, plainPlan('pdf'), target, { ...limits, maxPixels: 50_000_000 })
    const boxes = (await readFile(target, 'latin1')).match(/MediaBox\s*\[[^\]]*\]/g) ?? []
    const sizes = boxes.map((box) =>
      box
        .match(/[\d.]+(?=[\s\]])/g)
        ?.slice(-2)
        .map(Number),
    )
    expect(sizes.map((size) => size?.map(Math.round))).toEqual([
      [610, 808],
      [635, 845],
    ])
  })

  test('rotated by its orientation is stretched the other way', async () => {
    const lying = tiffFile({
      width: 40,
      height: 20,
      bits: 8,
      photometric: 1,
      pixel: [9],
      dpi: [200, 100],
    })
    expect((await make(lying, 'png')).made).toMatchObject({ width: 40, height: 40 })
    const across = tiffFile({
      width: 20,
      height: 40,
      bits: 8,
      photometric: 1,
      pixel: [9],
      dpi: [100, 200],
    })
    expect((await make(across, 'png')).made).toMatchObject({ width: 40, height: 40 })
  })
})

describe('a TIFF of pages of several sizes becomes a TIFF', () => {
  test('of all of them', async () => {
    const { inspection, made, bytes } = await make(await scan(), 'tiff')
    expect(inspection.pages).toBe(2)
    expect(made).toMatchObject({ width: 30, height: 20, pages: 2, kept: ['pages'] })
    const [first, second] = await Promise.all(
      [0, 1].map((each) => sharp(bytes, { page: each }).png().toBuffer()),
    )
    expect(await sharp(first).metadata()).toMatchObject({ width: 30, height: 20 })
    expect(await sharp(second).metadata()).toMatchObject({ width: 10, height: 50 })
    expect((await colourAt(first as Buffer, 5, 5)).slice(0, 3)).toEqual([255, 0, 0])
    expect((await colourAt(second as Buffer, 5, 5)).slice(0, 3)).toEqual([0, 255, 0])
  })

  test('of one page, or of smaller pages, on request', async () => {
    expect((await make(await scan(), 'tiff', { page: 1 })).made).toMatchObject({
      pages: 1,
      width: 10,
    })
    const turned = await make(await scan(), 'tiff', { width: 5, rotate: 90 })
    expect(turned.made).toMatchObject({ width: 5, height: 8, pages: 2 })
    expect(await sharp(turned.bytes, { page: 1 }).metadata()).toMatchObject({ width: 5, height: 1 })
  })

  test('with many strips and descriptions', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
    const large = await sharp({
      create: { width: 900, height: 900, channels: 3, background: '#888', noise },
    })
      .withExif({ IFD0: { Copyright: 'Ada' } })
      .tiff({ compression: 'deflate' })
      .toBuffer()
    const { joinTiffs } = await import('#src/engines/image/tiff-of-pages')
    const { bytes } = await make(joinTiffs([0, 1, 2].map(() => Buffer.from(large))), 'tiff')
    const pixels = await Promise.all(
      [0, 1, 2].map((each) => sharp(bytes, { page: each }).raw().toBuffer()),
    )
    const original = await sharp(large).raw().toBuffer()
    for (const each of pixels) expect(each.equals(original)).toBe(true)
  })
})
