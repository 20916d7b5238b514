import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { imageEngine } from '#src/engines/image'
import { pngChecksum } from '#src/engines/image/png'
import { bt2020ToSrgb, type Colour, deltaE, p3ToSrgb } from './colour-difference.js'
import { heifFile } from './heif-file.js'
import { colourAt, madePicture } from './pictures.js'
import { plainPlan } from './plain-plan.js'

const limits = { maxPixels: 10_000_000, maxPages: 100, maxBytes: 10_000_000 }
/** A difference the eye begins to see. */
const seen = 2.3
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-coded-colours-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const fixture = (name: string) => readFile(new URL(`./fixtures/colours/${name}`, import.meta.url))

async function make(bytes: Buffer, from: string, to: string): Promise<Buffer> {
  const source = { path: join(folder, 'source'), format: from }
  const target = join(folder, 'target')
  await writeFile(source.path, bytes)
  const quality = ['jpeg', 'avif'].includes(to) ? { quality: 100 } : {}
  const plan = plainPlan(to, { lossless: to === 'webp', ...quality })
  await imageEngine.convert(source, plan, target, limits)
  const made = await readFile(target)
  expect((await sharp(made).metadata()).icc, 'the result is plain sRGB').toBeUndefined()
  return sharp(made).toColourspace('srgb').png().toBuffer()
}

async function expectColour(bytes: Buffer, from: string, expected: Colour): Promise<void> {
  for (const to of ['png', 'webp', 'jpeg', 'tiff']) {
    const colour = (await colourAt(await make(bytes, from, to), 4, 4)).slice(0, 3)
    const rgb = colour.length < 3 ? [colour[0], colour[0], colour[0]] : colour
    expect(deltaE(rgb as number[], expected), `${to}: ${colour}, not ${expected}`).toBeLessThan(
      seen,
    )
  }
}

/** A PNG with further chunks behind its header. */
async function pngWith(
  picture: { background: string; space?: string },
  ...chunks: readonly (readonly [string, Buffer])[]
): Promise<Buffer> {
  const { background, space = 'srgb' } = picture
  const create = { width: 8, height: 8, channels: 3, background } as const
  const png = await sharp({ create }).toColourspace(space).png().toBuffer()
  const added = chunks.map(([type, body]) => {
    const bytes = Buffer.alloc(body.length + 12)
    bytes.writeUInt32BE(body.length)
    bytes.write(type, 4, 'latin1')
    body.copy(bytes, 8)
    bytes.writeUInt32BE(pngChecksum(bytes.subarray(4, -4)), bytes.length - 4)
    return bytes
  })
  return Buffer.concat([png.subarray(0, 33), ...added, png.subarray(33)])
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(Math.round(value * 1e5), at * 4)
  return bytes
}

const red: Colour = [200, 60, 60]
const background = 'rgb(200, 60, 60)'
const gama = (gamma: number) => ['gAMA', numbers(gamma)] as const
const cicp = (...codes: number[]) => ['cICP', Buffer.from([...codes, 0, 1])] as const
const chrmOfSrgb = ['cHRM', numbers(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)] as const
const chrmOfP3 = ['cHRM', numbers(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)] as const
const srgbChunk = ['sRGB', Buffer.from([0])] as const
const srgbGamma = 1 / 2.2
/** By a power alone, as the gAMA chunk means it. */
const byPower = (value: number, gamma: number) => {
  const light = (value / 255) ** (1 / gamma)
  return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055)
}

describe('a PNG has the colours of its', () => {
  test.each([
    ['gamma of 1', [gama(1)], red.map((value) => byPower(value, 1))],
    ['gamma of old Macs', [gama(1 / 1.8)], red.map((value) => byPower(value, 1 / 1.8))],
    ['usual gamma: none', [gama(srgbGamma), chrmOfSrgb], red],
    [
      'usual gamma and primaries of P3',
      [gama(srgbGamma), chrmOfP3],
      p3ToSrgb(red.map((value) => byPower(value, srgbGamma))),
    ],
    ['sRGB chunk, before any gamma', [srgbChunk, gama(1)], red],
    ['primaries without a gamma: none', [chrmOfP3], red],
    ['gamma of nothing: none', [gama(0)], red],
    ['cICP of P3', [cicp(12, 13)], p3ToSrgb(red)],
    ['cICP of P3, before gamma', [gama(1), cicp(12, 13)], p3ToSrgb(red)],
    ['cICP of BT.2020', [cicp(9, 13)], bt2020ToSrgb(red)],
    ['cICP of sRGB', [cicp(1, 13)], red],
  ] as const)('%s', async (_what, chunks, expected) => {
    await expectColour(await pngWith({ background }, ...chunks), 'png', expected)
  })

  test.each(['b-w', 'grey16', 'rgb16'])('gamma, in %s', async (space) => {
    const file = await pngWith({ background: 'rgb(128, 128, 128)', space }, gama(1))
    await expectColour(file, 'png', [188, 188, 188])
  })

  test.each([
    ['linear-gamma.png', [188, 188, 188]],
    ['display-p3-cicp.png', [217, 42, 52]],
    ['usual-gamma.png', [128, 128, 128]],
    ['plain.png', red],
  ] as const)('chunks in %s', async (name, expected) => {
    await expectColour(await fixture(name), 'png', expected)
  })
})

/** The file with other code points in its nclx box. */
async function avifWith(primaries: number, transfer: number): Promise<Buffer> {
  const file = await fixture('srgb.avif')
  const at = file.indexOf('colrnclx', 0, 'latin1') + 8
  file.writeUInt16BE(primaries, at)
  file.writeUInt16BE(transfer, at + 2)
  return file
}

describe('an AVIF has the colours of its code points:', () => {
  test.each([
    ['Display P3', 12, 13, p3ToSrgb([200, 60, 59])],
    ['BT.2020', 9, 14, bt2020ToSrgb([200, 60, 59])],
    ['BT.709', 1, 1, [200, 60, 59]],
    ['none', 2, 2, [200, 60, 59]],
  ] as const)('%s', async (_what, primaries, transfer, expected) => {
    await expectColour(await avifWith(primaries, transfer), 'avif', expected)
  })

  test('a file from a phone', async () => {
    await expectColour(await fixture('display-p3.avif'), 'avif', [217, 42, 52])
  })
})

test('a HEIC picture has the colours of its code points', async () => {
  const pictures = [await madePicture('patches-8.heic')]
  const before = await make(heifFile({ pictures, nclx: [1, 13] }), 'heic', 'png')
  const after = await make(heifFile({ pictures, nclx: [12, 13] }), 'heic', 'png')
  for (const x of [16, 48, 80, 112]) {
    const shown = (await colourAt(after, x, 16)).slice(0, 3)
    expect(deltaE(shown, p3ToSrgb(await colourAt(before, x, 16))), `${x}: ${shown}`).toBeLessThan(
      seen,
    )
  }
})

describe('is refused with the reason:', () => {
  test.each([
    ['an AVIF in PQ', () => avifWith(9, 16), 'avif', /high dynamic range \(PQ\)/],
    ['an AVIF in HLG', () => avifWith(9, 18), 'avif', /high dynamic range \(HLG\)/],
    ['an AVIF of unknown primaries', () => avifWith(77, 13), 'avif', /primaries 77/],
    ['a PNG in PQ', () => pngWith({ background }, cicp(9, 16)), 'png', /\(PQ\)/],
  ] as const)('%s', async (_what, bytes, format, message) => {
    await expect(make(await bytes(), format, 'png')).rejects.toMatchObject({
      code: 'HERALD_UNSUPPORTED_FILE',
      message: expect.stringMatching(message),
    })
  })
})
