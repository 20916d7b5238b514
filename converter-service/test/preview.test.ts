import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RenditionPlan } from '#src/engines/engine'
import { makeRendition } from '#src/engines/image/make-rendition'
import { openPicture } from '#src/engines/image/open-picture'
import { noise, twoHalves } from './pictures.js'
import { plainPlan } from './plain-plan.js'

const limits = { maxPixels: 50_000_000, maxPages: 500 }
const usual = { width: 200, quality: 80 }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-preview-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const seeThrough = { r: 0, g: 200, b: 0, alpha: 0.3 }
const pictures = {
  colour: () => twoHalves(640, 480).png().toBuffer(),
  grey: () => noise(640, 480).greyscale().png().toBuffer(),
  'see-through': () =>
    sharp({ create: { width: 640, height: 480, channels: 4, background: seeThrough } })
      .png()
      .toBuffer(),
  '16 bits': () => noise(640, 480).toColourspace('rgb16').png().toBuffer(),
}

async function make(path: string, plan: RenditionPlan, preview: boolean) {
  const target = join(folder, `target-${preview}`)
  const picture = await openPicture({ path, format: 'png' })
  const made = await makeRendition(picture, plan, target, limits, { preview })
  return { made, bytes: await readFile(target) }
}

async function draw(picture: keyof typeof pictures): Promise<string> {
  const path = join(folder, `${picture}.png`)
  await writeFile(path, await pictures[picture]())
  return path
}

describe('a preview made of the pixels of its rendition', () => {
  test.each(
    (['webp', 'jpeg'] as const).flatMap((format) =>
      (Object.keys(pictures) as (keyof typeof pictures)[]).map((picture) => ({ format, picture })),
    ),
  )('leaves $format of $picture as it is without, byte for byte', async ({ format, picture }) => {
    const plan = plainPlan(format, usual)
    const path = await draw(picture)
    const alone = await make(path, plan, false)
    const both = await make(path, plan, true)
    const { preview, ...made } = both.made
    expect(made).toEqual(alone.made)
    expect(both.bytes.equals(alone.bytes)).toBe(true)
    expect(alone.made.preview).toBeUndefined()
    expect(preview).toMatchObject({ width: 200, height: 150 })
    const seen = await sharp(Buffer.from(preview?.base64 ?? '', 'base64')).metadata()
    expect(seen).toMatchObject({ format: 'jpeg', width: 200, height: 150 })
  })

  test('is made separately if pixels alone are not enough', async () => {
    const path = await draw('colour')
    for (const plan of [
      plainPlan('png', usual),
      plainPlan('webp', { ...usual, keep: ['icc'] }),
      plainPlan('webp', { ...usual, maxBytes: 5000 }),
    ]) {
      expect((await make(path, plan, true)).made.preview).toBeUndefined()
    }
  })
})
