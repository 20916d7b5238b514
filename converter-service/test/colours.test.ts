import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Colour, deltaE, p3ToSrgb } from './colour-difference.js'
import { convertOne } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { colourAt, corpusFolder, corpusLeftOut, hasCorpus } from './pictures.js'

const start = promisify(execFile)
const imageMagick = (...words: string[]) =>
  start('convert', words, { encoding: 'buffer', maxBuffer: 1e9 }).then(({ stdout }) => stdout)
const hasImageMagick = await imageMagick('-version').then(
  () => true,
  () => false,
)
const leftOut = corpusLeftOut || (hasImageMagick ? '' : ' (left out: ImageMagick is not installed)')

let converter: ConverterUnderTest
let folder: string
beforeAll(async () => {
  converter = await startConverter()
  folder = await mkdtemp(join(tmpdir(), 'herald-colours-test-'))
  const { icc } = await sharp(await plain('#fff').withIccProfile('srgb').toBuffer()).metadata()
  await writeFile(join(folder, 'srgb.icc'), icc as Buffer)
})
afterAll(async () => {
  await converter.close()
  await rm(folder, { recursive: true })
})

const plain = (background: string) =>
  sharp({ create: { width: 8, height: 8, channels: 3, background } }).png()

/** From Herald's PNG to what ImageMagick makes of the same file: the mean over the picture. */
async function difference(path: string): Promise<number> {
  const { bytes } = await convertOne(converter.client, await readFile(path), {
    format: 'png',
    width: 90,
    height: 90,
    fit: 'FIT_FILL',
    enlarge: true,
    background: '#ffffff',
  })
  const ours = await sharp(bytes).toColourspace('srgb').removeAlpha().raw().toBuffer()
  const theirs = await imageMagick(
    ...['-quiet', `${path}[0]`, '-auto-orient', '-intent', 'Perceptual'],
    ...['-profile', join(folder, 'srgb.icc'), '-background', 'white', '-alpha', 'remove'],
    ...['-resize', '90x90!', '-depth', '8', 'rgb:-'],
  )
  expect(theirs.length).toBe(ours.length)
  const apart = Array.from({ length: ours.length / 3 }, (_, at) =>
    deltaE([...ours.subarray(at * 3, at * 3 + 3)], [...theirs.subarray(at * 3, at * 3 + 3)]),
  )
  return apart.reduce((sum, each) => sum + each, 0) / apart.length
}

/** A difference the eye begins to see; a profile that is ignored or taken for another makes 4 to 12. */
const seen = 2.3

describe.runIf(hasCorpus && hasImageMagick)(
  `a picture in another space has the colours ImageMagick gives it${leftOut}`,
  () => {
    test.each([
      ['Display P3', 'p3.png'],
      ['ProPhoto', 'prophoto.png'],
      ['Display P3 with a gain map', 'gain-map.jpg'],
      ['inks, with their profile', 'Channel_digital_image_CMYK_color.jpg'],
      ['inks, with their profile, in TIFF', 'fogra-0-100-100-0.tif'],
      ['CIE L*a*b*', 'cielab-dagams.tiff'],
      ['16 bits', 'Flag_of_the_Netherlands-16bit.png'],
      ['16 bits, grey, see-through', '16-bit-grey-alpha.png'],
    ])('%s: %s', { timeout: 120_000 }, async (_what, name) => {
      expect(await difference(`${corpusFolder}${name}`)).toBeLessThan(seen)
    })

    test.each(['p3.png', 'prophoto.png'])('16 bits in the space of %s', async (name) => {
      const { icc } = await sharp(`${corpusFolder}${name}`).metadata()
      await writeFile(join(folder, 'space.icc'), icc as Buffer)
      const path = join(folder, 'wide.png')
      const fade = (from: string, to: string) => ['-size', '90x90', `gradient:${from}-${to}`]
      await imageMagick(
        ...['(', ...fade('red', 'blue'), ')', '(', ...fade('#20c040', '#f0e010'), ')', '+append'],
        ...['-profile', join(folder, 'srgb.icc'), '-profile', join(folder, 'space.icc')],
        ...['-depth', '16', path],
      )
      expect((await sharp(path).metadata()).depth).toBe('ushort')
      expect(await difference(path)).toBeLessThan(seen)
    })
  },
)

const wide: Colour = [200, 60, 40]

/** `wide` as numbers of Display P3. */
async function wideFile(depth: 8 | 16): Promise<Buffer> {
  const [r = 0, g = 0, b = 0] = wide
  const numbers = plain(`rgb(${r}, ${g}, ${b})`)
  const deep = depth === 16 ? numbers.toColourspace('rgb16') : numbers
  const tagged = await plain('#fff').withIccProfile('p3').toBuffer()
  // sharp would convert the numbers: the profile is put in behind its back.
  const at = tagged.indexOf('iCCP') - 4
  const chunk = tagged.subarray(at, at + tagged.readUInt32BE(at) + 12)
  const png = await deep.toBuffer()
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)])
}

describe.each([8, 16] as const)('Display P3 in %i bits', (depth) => {
  test.each(['png', 'jpeg', 'webp', 'avif', 'tiff'])(
    'becomes sRGB in %s by definition',
    async (format) => {
      const asked = { format, quality: 100 }
      const { bytes } = await convertOne(converter.client, await wideFile(depth), asked)
      expect((await sharp(bytes).metadata()).icc).toBeUndefined()
      const shown = await sharp(bytes).toColourspace('srgb').png().toBuffer()
      const colour = await colourAt(shown, 4, 4)
      expect(deltaE(colour, p3ToSrgb(wide)), `${colour}`).toBeLessThan(seen)
      expect(deltaE(colour, wide), 'which is another colour').toBeGreaterThan(4)
    },
  )
})

test('16 bits without a profile keep their values', async () => {
  const file = await plain('rgb(200, 60, 40)').toColourspace('rgb16').toBuffer()
  const { bytes } = await convertOne(converter.client, file, 'jpeg')
  expect(deltaE(await colourAt(bytes, 4, 4), [200, 60, 40])).toBeLessThan(seen)
})

describe('a profile that is to be kept', () => {
  const keep = ['KEEP_ICC'] as ('KEEP_ICC' | 'KEEP_EXIF')[]
  const inks = () => plain('#c03020').toColourspace('cmyk').withIccProfile('cmyk').jpeg().toBuffer()

  test('has the same bytes, and the values are unchanged', async () => {
    const file = await wideFile(16)
    const { bytes, whole } = await convertOne(converter.client, file, {
      format: 'png',
      keep,
      width: 4,
    })
    const { icc, depth } = await sharp(bytes).metadata()
    expect(icc).toEqual((await sharp(file).metadata()).icc)
    expect(depth).toBe('ushort')
    const numbers = await sharp(bytes, { ignoreIcc: true }).toColourspace('srgb').png().toBuffer()
    expect((await colourAt(numbers, 1, 1)).slice(0, 3)).toEqual([...wide])
    expect(whole.stripped).not.toContain('icc')
  })

  test('keeps CMYK if the format supports it', async () => {
    for (const [format, space, stays] of [
      ['jpeg', 'cmyk', true],
      ['tiff', 'cmyk', true],
      ['webp', 'srgb', false],
    ] as const) {
      const { bytes, whole } = await convertOne(converter.client, await inks(), { format, keep })
      expect(await sharp(bytes).metadata(), format).toMatchObject({ space, hasProfile: stays })
      expect(whole.stripped.includes('icc'), format).toBe(!stays)
    }
  })

  test('is removed and reported as removed if the format has none', async () => {
    const file = await wideFile(8)
    const { bytes, whole } = await convertOne(converter.client, file, { format: 'gif', keep })
    expect(whole.stripped).toContain('icc')
    expect(deltaE(await colourAt(bytes, 4, 4), p3ToSrgb(wide))).toBeLessThan(seen)
  })
})
