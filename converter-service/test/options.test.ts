import type { ServiceError } from '@grpc/grpc-js'
import type { RenditionSpec } from '@herald/proto/converter'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convertOne, readRefusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { heifFile } from './heif-file.js'
import { animation, madePicture, svgText, twoHalves } from './pictures.js'
import { scan } from './tiff-pages.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxPixels: 1_000_000 })
})
afterAll(() => converter.close())

/** What the spec alone is refused for is tested elsewhere, and would be most of it. */
function withoutContradiction({
  lossless,
  palette,
  maxBytes,
  ...asked
}: RenditionSpec): RenditionSpec {
  const { format = '', gravity = '', fit } = asked
  const isLossless = lossless === true && format !== 'jpeg' && format !== 'gif'
  const hasQuality = ['jpeg', 'webp', 'avif'].includes(format) && !isLossless
  const looks = /ATTENTION|ENTROPY/.test(String(gravity))
  return {
    ...asked,
    ...(isLossless ? { lossless } : { palette: palette ?? false }),
    ...(hasQuality && maxBytes !== undefined ? { maxBytes } : {}),
    ...(looks ? { fit: 'FIT_COVER' as const } : fit ? { fit } : {}),
  }
}

describe('any options', () => {
  const place = Buffer.from([0x9e, 0x0c, 0, 0, 100, 0, 0, 0])
  const files: Record<string, () => Promise<Buffer>> = {
    'a photograph lying on its side': async () => {
      const exif = {
        IFD0: { Copyright: 'Ada' },
        IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 28/1 3230/100' },
      }
      const upright = await twoHalves(60, 40).jpeg().withExif(exif).toBuffer()
      return sharp(upright).keepExif().withMetadata({ orientation: 6, icc: 'p3' }).toBuffer()
    },
    'an animation': () => animation('gif', 3),
    'a see-through PNG of 16 bits': () =>
      twoHalves(60, 40).ensureAlpha(0.5).toColourspace('rgb16').png().toBuffer(),
    'a TIFF of two pages': scan,
    'a grey JPEG': () => twoHalves(60, 40).toColourspace('b-w').jpeg().toBuffer(),
    'a JPEG in inks': () =>
      twoHalves(60, 40).toColourspace('cmyk').withMetadata({ icc: 'cmyk' }).jpeg().toBuffer(),
    'a drawing': async () => Buffer.from(svgText),
    'a HEIC file': async () =>
      heifFile({ pictures: [await madePicture('patches-10.heic')], turns: 1 }),
    icons: () => madePicture('icons.ico'),
  }
  const fits = ['INSIDE', 'COVER', 'CONTAIN', 'FILL', 'OUTSIDE'].map((fit) => `FIT_${fit}` as const)
  const gravities = ['CENTRE', 'NORTH', 'SOUTHEAST', 'ATTENTION', 'ENTROPY'] as const
  const wish = fc.record<RenditionSpec>(
    {
      format: fc.constantFrom('jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'),
      width: fc.integer({ min: 1, max: 150 }),
      height: fc.integer({ min: 1, max: 150 }),
      fit: fc.constantFrom(...fits) as never,
      quality: fc.integer({ min: 1, max: 100 }),
      lossless: fc.boolean(),
      keep: fc.subarray(['KEEP_EXIF', 'KEEP_ICC', 'KEEP_GPS'] as const) as never,
      enlarge: fc.boolean(),
      page: fc.nat({ max: 2 }),
      gravity: fc.constantFrom(...gravities.map((each) => `GRAVITY_${each}` as const)),
      rotate: fc.oneof(fc.constantFrom(0, 90, 180, 270), fc.nat({ max: 359 })),
      background: fc.constantFrom('', '#123456'),
      maxBytes: fc.integer({ min: 200, max: 5000 }),
      effort: fc.nat({ max: 9 }),
      palette: fc.boolean(),
    },
    { requiredKeys: ['format'] },
  )
  const named = ['HERALD_BAD_OPTION', 'HERALD_CANNOT_FIT', 'HERALD_TOO_MANY_PIXELS']

  test.each(Object.keys(files))(
    '%s becomes what was requested, or is refused with its error code',
    async (name) => {
      const file = await (files[name] as () => Promise<Buffer>)()
      let made = 0
      await fc.assert(
        fc.asyncProperty(wish.map(withoutContradiction), async (asked) => {
          const outcome = await convertOne(converter.client, file, asked).catch((error) => error)
          if (outcome instanceof Error) {
            expect(named).toContain(readRefusal(outcome as ServiceError).code)
            return
          }
          made++
          const { header, bytes, summary, whole } = outcome as Awaited<
            ReturnType<typeof convertOne>
          >
          const {
            width = Infinity,
            height = Infinity,
            fit = 'FIT_INSIDE',
            maxBytes = Infinity,
          } = asked
          expect(bytes.length).toBeLessThanOrEqual(Number(maxBytes))
          expect(summary.quality ?? 1).toBeLessThanOrEqual(Number(asked.quality ?? 100))
          if (fit !== 'FIT_OUTSIDE' || asked.width === undefined || asked.height === undefined) {
            expect(header.width).toBeLessThanOrEqual(width)
            expect(header.height).toBeLessThanOrEqual(height)
          }
          if (fit === 'FIT_CONTAIN' && width < Infinity && height < Infinity) {
            expect(header).toMatchObject({ width, height })
          }
          // The pages of a TIFF have sizes of their own.
          const animated = header.format !== 'tiff'
          const seen = await sharp(bytes, { animated }).metadata()
          const pages = seen.pages ?? 1
          expect(pages).toBe(header.pages)
          expect(asked.page === undefined || pages === 1).toBe(true)
          expect([seen.width, seen.pageHeight ?? seen.height]).toEqual([
            header.width,
            header.height,
          ])
          const keep = (asked.keep ?? []) as string[]
          expect(!bytes.includes(place) || keep.includes('KEEP_GPS')).toBe(true)
          expect(seen.exif === undefined || keep.some((each) => each !== 'KEEP_ICC')).toBe(true)
          expect(whole.stripped.includes('gps') && bytes.includes(place)).toBe(false)
        }),
        { numRuns: 40, seed: 5 },
      )
      expect(made, 'about half is made').toBeGreaterThan(15)
    },
    120_000,
  )
})
