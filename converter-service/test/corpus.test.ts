import { readdir } from 'node:fs/promises'
import sharp, { type ResizeOptions } from 'sharp'
import sharpPhash from 'sharp-phash'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Converted, convert, type Refusal, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { corpusFile, corpusFolder, corpusLeftOut, hasCorpus } from './pictures.js'

// A CommonJS module that is its own function, whatever its types say.
const phash = sharpPhash as unknown as typeof sharpPhash.default
const maxPixels = 50_000_000
const toWebp = { format: 'webp', width: 256 }

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxPixels })
})
afterAll(() => converter.close())

/** What sharp alone makes of it at the same settings; undefined if it cannot. */
const bare = (name: string, size: ResizeOptions = { width: 256 }) =>
  sharp(`${corpusFolder}${name}`, {
    limitInputPixels: maxPixels,
    failOn: 'error',
    animated: /\.(gif|webp)$/.test(name),
    autoOrient: !/\.(gif|webp)$/.test(name),
  })
    .resize({
      ...size,
      ...(size.height ? { fit: 'fill' } : {}),
      withoutEnlargement: !name.endsWith('.svg'),
    })
    .webp()
    .toBuffer()
    .catch(() => undefined)

/** Pictures of PngSuite with a gAMA of 1, which sharp passes over; see coded-colours.test.ts. */
const withGamma = new Set(['bgbn4a08.png', 'bggn4a16.png', 'tbgn2c16.png'])

const expectedRefusals: Record<string, [string, RegExp]> = {
  '65536-uint32-limit.png': [
    'HERALD_TOO_MANY_PIXELS',
    /4,294,967,296 pixels.*accepts at most 50,000,000/,
  ],
  'giant-image.jpg': ['HERALD_TOO_MANY_PIXELS', /280,000,000 pixels.*accepts at most 50,000,000/],
  'corrupt-header.jpg': ['HERALD_CORRUPT_FILE', /holds no picture, or ends before it/],
  'relax.jp2': ['HERALD_UNSUPPORTED_FILE', /JPEG 2000/],
  'relax_tileparts.jp2': ['HERALD_UNSUPPORTED_FILE', /JPEG 2000/],
  'truncated.jpg': ['HERALD_CORRUPT_FILE', /JPEG file is cut off/],
  'truncated.png': ['HERALD_CORRUPT_FILE', /PNG file is damaged, or its end is missing/],
}

test.runIf(hasCorpus)(
  `what bare sharp converts all converts, and the rest is refused with its true reason${corpusLeftOut}`,
  async () => {
    const names = (await readdir(corpusFolder)).filter((name) => !name.startsWith('README'))
    const refused: Record<string, Refusal> = {}
    for (const name of names) {
      const bytes = await corpusFile(name)
      const reference = await bare(name)
      if (!reference) {
        refused[name] = await refusal(converter.client, bytes, [toWebp], { fileName: name })
        continue
      }
      const { renditions }: Converted = await convert(converter.client, bytes, [toWebp], {
        fileName: name,
        sizeBytes: bytes.length,
      })
      const [made] = renditions
      const { width = 0, height = 0 } = made?.header ?? {}
      // sharp rounds after it has shrunk a JPEG while loading.
      const expected = await sharp(reference).metadata()
      expect(width, name).toBe(expected.width)
      expect(Math.abs(height - expected.height), name).toBeLessThanOrEqual(1)
      const alike = (await bare(name, { width, height })) ?? reference
      if (withGamma.has(name)) continue
      const apart = await distance(alike, made?.bytes as Buffer)
      expect(apart, `${name} looks as sharp makes it`).toBeLessThanOrEqual(8)
    }
    console.table(
      Object.entries(refused).map(([name, { code, message }]) => ({ name, code, message })),
    )
    expect(Object.keys(refused).sort()).toEqual(Object.keys(expectedRefusals).sort())
    for (const [name, [code, message]] of Object.entries(expectedRefusals)) {
      expect(refused[name], name).toMatchObject({ code, message: expect.stringMatching(message) })
    }
    expect(converter.app.pids()).toHaveLength(3)
    await converter.spoolEmpties()
  },
  120_000,
)

test.runIf(hasCorpus).each(['Landscape', 'Portrait'])(
  `the eight orientations of %s come out the same way up${corpusLeftOut}`,
  async (series) => {
    const made: Buffer[] = []
    for (let orientation = 1; orientation <= 8; orientation++) {
      const bytes = await corpusFile(`${series}_${orientation}.jpg`)
      const { renditions, summary } = await convert(converter.client, bytes, [toWebp])
      made.push(renditions[0]?.bytes as Buffer)
      expect(summary.stripped.includes('orientation')).toBe(orientation > 1)
    }
    for (const picture of made.slice(1)) {
      expect(await distance(made[0] as Buffer, picture)).toBeLessThanOrEqual(5)
    }
    // The comparison itself must detect a rotated picture.
    const turned = await sharp(made[0]).rotate(90).toBuffer()
    expect(await distance(made[0] as Buffer, turned)).toBeGreaterThan(12)
  },
)

async function distance(a: Buffer, b: Buffer): Promise<number> {
  const [one, other] = await Promise.all([phash(a), phash(b)])
  return [...one].filter((bit, index) => bit !== other[index]).length
}
