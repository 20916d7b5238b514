import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RenditionPlan } from '#src/engines/engine'
import { imageEngine } from '#src/engines/image'
import { animation, twoHalves } from './pictures.js'
import { plainPlan } from './plain-plan.js'

const limits = { maxPixels: 10_000_000, maxPages: 100, maxBytes: 10_000_000 }
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-density-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function make(
  bytes: Buffer,
  from: string,
  to: string,
  changes: Partial<RenditionPlan> = {},
): Promise<string> {
  const source = { path: join(folder, 'source'), format: from }
  const target = join(folder, `target.${to}`)
  await writeFile(source.path, bytes)
  await imageEngine.convert(source, plainPlan(to, changes), target, limits)
  return target
}

const stated = (density: number) => twoHalves().withDensity(density)

describe.each(['jpeg', 'png', 'tiff'] as const)('300 dots per inch of a %s', (from) => {
  test.each(['jpeg', 'png', 'tiff'])('are kept in %s, without EXIF', async (to) => {
    const bytes = await stated(300).toFormat(from).toBuffer()
    for (const changes of [{}, { width: 60 }, { rotate: 90 }, { rotate: 33 }]) {
      const path = await make(bytes, from, to, changes)
      const { density, exif } = await sharp(path).metadata()
      expect(density, JSON.stringify(changes)).toBe(300)
      expect(exif).toBeUndefined()
      // Damage would be an error, not a warning.
      await sharp(path, { failOn: 'warning' }).stats()
    }
  })
})

test('another program reads the same dots per inch', async () => {
  const bytes = await stated(300).png().toBuffer()
  for (const to of ['jpeg', 'png', 'tiff']) {
    const path = await make(bytes, 'png', to)
    const words = ['-quiet', '-units', 'PixelsPerInch', '-format', '%x', path]
    const { stdout } = await promisify(execFile)('identify', words)
    expect(Math.round(Number.parseFloat(stdout)), to).toBe(300)
  }
})

test('a fax of 204 by 98 dots per inch has 204 in both directions', async () => {
  const fax = await readFile(new URL('./fixtures/tiff/fax.tif', import.meta.url))
  for (const to of ['jpeg', 'png', 'tiff']) {
    expect((await sharp(await make(fax, 'tiff', to)).metadata()).density, to).toBe(204)
  }
})

test('dots per inch do not break a limit on bytes', async () => {
  const bytes = await stated(300).png().toBuffer()
  const { size } = await stat(await make(bytes, 'png', 'jpeg', { quality: 60 }))
  const path = await make(bytes, 'png', 'jpeg', { quality: 60, maxBytes: size - 5 })
  expect((await stat(path)).size).toBeLessThanOrEqual(size - 5)
})

describe.each(['gif', 'webp'] as const)('an animation in %s', (from) => {
  test.each(['gif', 'webp'])('plays as often in %s', async (to) => {
    const moving = await animation(from, 3)
    for (const loop of [0, 1, 2, 5]) {
      const delay = [40, 70, 100]
      const bytes = await sharp(moving, { animated: true })
        .toFormat(from, { loop, delay })
        .toBuffer()
      for (const changes of [{}, { width: 20 }, { rotate: 90 }]) {
        const path = await make(bytes, from, to, changes)
        const seen = await sharp(path, { animated: true }).metadata()
        expect(seen, `${loop} ${JSON.stringify(changes)}`).toMatchObject({ pages: 3, loop, delay })
      }
    }
  })
})
