import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RenditionPlan } from '#src/engines/engine'
import { imageEngine } from '#src/engines/image'
import { estimate } from '#src/estimate'
import { animation, svgText, twoHalves } from './pictures.js'
import { plainPlan } from './plain-plan.js'

const limits = { maxPixels: 10_000_000, maxPages: 100, maxBytes: 10_000_000 }
const fits = ['inside', 'outside', 'cover', 'contain', 'fill'] as const
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-sizes-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** What is made and what was estimated. */
async function make(bytes: Buffer, format: string, plan: RenditionPlan) {
  const source = { path: join(folder, `source.${format}`), format }
  const target = join(folder, 'target')
  await writeFile(source.path, bytes)
  const inspection = await imageEngine.inspect(source)
  const { width, height, pages } = await imageEngine.convert(source, plan, target, limits)
  const expected = estimate({ ...inspection, format, sizeBytes: bytes.length }, plan)
  return {
    made: { width, height, pages },
    estimated: { width: expected.width, height: expected.height, pages: expected.pages },
    target,
  }
}

describe.each(fits)('fit %s with one side', (fit) => {
  test.each([
    [{ width: 60 }, { width: 60, height: 40 }],
    [{ height: 40 }, { width: 60, height: 40 }],
    [{ width: 240 }, { width: 120, height: 80 }],
    [
      { width: 240, enlarge: true },
      { width: 240, height: 160 },
    ],
    [
      { width: 40, rotate: 90 },
      { width: 40, height: 60 },
    ],
  ])('%o keeps the proportions', async (asked, size) => {
    const plan = plainPlan('png', { fit, ...asked })
    const { made, estimated, target } = await make(await twoHalves().png().toBuffer(), 'png', plan)
    expect(made).toMatchObject(size)
    expect(estimated).toEqual(made)
    const { isOpaque } = await sharp(await readFile(target)).stats()
    expect(isOpaque, 'nothing see-through is added').toBe(true)
  })
})

const sources: Readonly<Record<string, () => Promise<Buffer>>> = {
  png: () => twoHalves(121, 79).png().toBuffer(),
  jpeg: () => twoHalves(121, 79).jpeg().withMetadata({ orientation: 6 }).toBuffer(),
  gif: () => animation('gif', 2),
  svg: async () => Buffer.from(svgText),
}
const boxes = [
  {},
  { width: 50 },
  { height: 33 },
  { width: 50, height: 50 },
  { width: 170, height: 37 },
]

describe.each(Object.keys(sources))('the estimate of a rendition of %s', (format) => {
  test.each(fits)('has the size of what is made: %s', async (fit) => {
    const bytes = (await sources[format]?.()) ?? Buffer.alloc(0)
    for (const box of boxes) {
      for (const changes of [{}, { enlarge: true }, { rotate: 90 }, { rotate: 33 }]) {
        const plan = plainPlan('webp', { fit, ...box, ...changes })
        const { made, estimated } = await make(bytes, format, plan)
        expect(estimated, `${JSON.stringify({ ...box, ...changes })}`).toEqual(made)
      }
    }
  })
})
