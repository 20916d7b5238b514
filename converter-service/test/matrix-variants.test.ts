import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { imageEngine } from '#src/engines/image'
import { plainPlan } from './plain-plan.js'

// sharp's libvips, loaded in this process, exports the path of its modules, which other programs must not read.
const { VIPSHOME: _, ...env } = process.env
const run = async (program: string, words: string[]) =>
  (await promisify(execFile)(program, words, { env, encoding: 'buffer', maxBuffer: 1e8 })).stdout
const isThere = (program: string) =>
  run(program, ['-version']).then(
    () => true,
    () => false,
  )
const hasImageMagick = await isThere('convert')
const hasRsvg = await run('rsvg-convert', ['--version']).then(
  () => true,
  () => false,
)
const leftOut = (there: boolean, what: string) => (there ? '' : ` (left out: install ${what})`)
const limits = { maxPixels: 10_000_000, maxPages: 100, maxBytes: 10_000_000 }
const size = ['-size', '61x40']

let folder: string
let photograph: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-variants-test-'))
  photograph = join(folder, 'photograph.png')
  if (!hasImageMagick) return
  const fades = ['gradient:red-yellow', 'gradient:#103060-white', 'gradient:black-#30c050']
  await run('convert', [...size, ...fades, '-append', '-depth', '16', photograph])
})
afterAll(() => rm(folder, { recursive: true }))

/** What Herald makes of it as PNG, 8 bits of red, green, blue and alpha. */
async function ours(path: string, format: string) {
  const target = join(folder, 'ours.png')
  const made = await imageEngine.convert({ path, format }, plainPlan('png'), target, limits)
  const shown = sharp(await readFile(target))
    .toColourspace('srgb')
    .ensureAlpha()
  return { ...made, pixels: await shown.raw().toBuffer() }
}

function meanDifference(one: Buffer, other: Buffer): number {
  expect(one.length, 'of the same size').toBe(other.length)
  return one.reduce((sum, value, at) => sum + Math.abs(value - (other[at] ?? 0)), 0) / one.length
}

const halfTransparent = '-alpha set -channel A -evaluate set 50% +channel'.split(' ')

/** By the program's own words for a variant, and how far apart the pixels may be on the mean. */
const variants: readonly (readonly [string, string, string[], number?])[] = [
  ['bmp', 'of Windows 2', ['-type', 'TrueColor', 'bmp2:']],
  ['bmp', 'of Windows 3', ['-type', 'TrueColor', 'bmp3:']],
  ['bmp', 'of Windows 4, with alpha', [...halfTransparent, 'bmp:']],
  ['bmp', 'of 16 bits', ['-define', 'bmp:subtype=RGB565', 'bmp:'], 1.5],
  ['bmp', 'of 256 colours', ['-colors', '256', '-type', 'Palette', 'bmp3:']],
  [
    'bmp',
    'of 256 colours, run-length coded',
    ['-colors', '256', '-type', 'Palette', '-compress', 'RLE', 'bmp3:'],
  ],
  ['bmp', 'of 16 colours', ['-colors', '16', '-type', 'Palette', 'bmp3:']],
  ['bmp', 'of two colours', ['-monochrome', 'bmp3:']],
  ['bmp', 'of greys', ['-colorspace', 'Gray', 'bmp3:']],
  ['tiff', 'coded by None', ['-depth', '8', '-compress', 'None', 'tiff:']],
  ['tiff', 'coded by LZW', ['-depth', '8', '-compress', 'LZW', 'tiff:']],
  ['tiff', 'coded by Zip', ['-depth', '8', '-compress', 'Zip', 'tiff:']],
  ['tiff', 'coded by RLE', ['-depth', '8', '-compress', 'RLE', 'tiff:']],
  ['tiff', 'coded as JPEG', ['-depth', '8', '-compress', 'JPEG', '-quality', '95', 'tiff:'], 1.5],
  ['tiff', 'coded as fax', ['-monochrome', '-compress', 'Group4', 'tiff:']],
  ['tiff', 'coded as an old fax', ['-monochrome', '-compress', 'Fax', 'tiff:']],
  [
    'tiff',
    'white as zero',
    ['-colorspace', 'Gray', '-depth', '8', '-define', 'quantum:polarity=min-is-white', 'tiff:'],
  ],
  ['tiff', 'big end first', ['-depth', '16', '-endian', 'MSB', 'tiff:']],
  ['tiff', 'of 64-bit places', ['-depth', '8', 'tiff64:']],
  ['tiff', 'in tiles', ['-depth', '8', '-define', 'tiff:tile-geometry=32x32', 'tiff:']],
  ['tiff', 'in planes', ['-depth', '8', '-interlace', 'Plane', 'tiff:']],
  ['tiff', 'of a palette', ['-colors', '64', '-type', 'Palette', 'tiff:']],
  ['tiff', 'of 16 bits', ['-depth', '16', 'tiff:']],
  ['tiff', 'of 32 bits', ['-depth', '32', 'tiff:']],
  [
    'tiff',
    'in floating point',
    ['-depth', '32', '-define', 'quantum:format=floating-point', 'tiff:'],
  ],
  [
    'tiff',
    'grey in floating point',
    ['-colorspace', 'Gray', '-depth', '32', '-define', 'quantum:format=floating-point', 'tiff:'],
  ],
  ['tiff', 'grey of 16 bits', ['-colorspace', 'Gray', '-depth', '16', 'tiff:']],
  ['tiff', 'with alpha', ['-depth', '8', ...halfTransparent, 'tiff:']],
  [
    'tiff',
    'with alpha multiplied in',
    ['-depth', '8', ...halfTransparent, '-define', 'tiff:alpha=associated', 'tiff:'],
    1.5,
  ],
]

describe.runIf(hasImageMagick)(
  `a variant has the pixels that ImageMagick reads in it${leftOut(hasImageMagick, 'imagemagick')}`,
  () => {
    const cases = variants.map(([format, what, words, most = 1]) => ({ format, what, words, most }))
    test.each(cases)('$format $what', async ({ format, words, most }) => {
      const path = join(folder, `variant.${format}`)
      const [coder = ''] = words.slice(-1)
      await run('convert', [photograph, ...words.slice(0, -1), `${coder}${path}`])
      const made = await ours(path, format)
      expect(made).toMatchObject({ width: 61, height: 120 })
      const theirs = await run('convert', ['-quiet', path, '-depth', '8', 'rgba:-'])
      expect(meanDifference(made.pixels, theirs)).toBeLessThan(most)
    })
  },
)

const names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
const shapes =
  '<rect width="40" height="30" fill="#c03020"/><circle cx="30" cy="20" r="10" fill="#2040c0" opacity=".6"/>'
const drawings: Readonly<Record<string, string>> = {
  millimetres: `<svg ${names} width="63.5mm" height="38.1mm"><rect width="10mm" height="1in"/></svg>`,
  'points and a viewBox': `<svg ${names} width="90pt" height="60pt" viewBox="0 0 60 40">${shapes}</svg>`,
  'a viewBox alone': `<svg ${names} viewBox="0 0 60 40">${shapes}</svg>`,
  'another proportion': `<svg ${names} width="90" height="40" viewBox="0 0 60 40" preserveAspectRatio="xMaxYMid slice">${shapes}</svg>`,
  'a style sheet': `<svg ${names} width="60" height="40"><style>svg > rect { fill: #2a6 !important }</style>${shapes}</svg>`,
  'a gradient and a clip': `<svg ${names} width="60" height="40"><linearGradient id="g"><stop stop-color="red"/><stop offset="1" stop-color="blue"/></linearGradient><clipPath id="c"><circle cx="30" cy="20" r="18"/></clipPath><rect width="60" height="40" fill="url(#g)" clip-path="url(#c)"/></svg>`,
  'a mask and a filter': `<svg ${names} width="60" height="40"><filter id="f"><feGaussianBlur stdDeviation="2"/></filter><mask id="m"><rect width="30" height="40" fill="#fff"/></mask><g mask="url(#m)" filter="url(#f)">${shapes}</g></svg>`,
  'uses and symbols': `<svg ${names} width="60" height="40"><symbol id="s" viewBox="0 0 60 40">${shapes}</symbol><use href="#s" width="30" height="20"/><use xlink:href="#s" x="30" y="20" width="30" height="20"/></svg>`,
  'a prefix': `<s:svg xmlns:s="http://www.w3.org/2000/svg" width="60" height="40"><s:rect width="30" height="30"/></s:svg>`,
}

describe.runIf(hasRsvg)(
  `a drawing looks as rsvg-convert draws it${leftOut(hasRsvg, 'librsvg2-bin')}`,
  () => {
    test.each(Object.entries(drawings))('with %s', async (_what, drawing) => {
      const path = join(folder, 'drawing.svg')
      await writeFile(path, drawing)
      const made = await ours(path, 'svg')
      const theirs = sharp(await run('rsvg-convert', ['--dpi-x', '96', '--dpi-y', '96', path]))
      const { data, info } = await theirs.ensureAlpha().raw().toBuffer({ resolveWithObject: true })
      expect(made).toMatchObject({ width: info.width, height: info.height })
      expect(meanDifference(made.pixels, data)).toBeLessThan(1)
    })
  },
)
