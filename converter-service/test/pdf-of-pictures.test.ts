import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convertOne, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { animation, colourAt, noise, svgText, twoHalves } from './pictures.js'

const run = promisify(execFile)
const hasPoppler = await run('pdftoppm', ['-v']).then(
  () => true,
  () => false,
)
const leftOut = hasPoppler ? '' : ' (left out: poppler-utils is not installed)'

let converter: ConverterUnderTest
let folder: string
beforeAll(async () => {
  converter = await startConverter()
  folder = await mkdtemp(join(tmpdir(), 'herald-pdf-test-'))
})
afterAll(async () => {
  await converter.close()
  await rm(folder, { recursive: true })
})

const bind = (picture: Buffer, asked = {}) =>
  convertOne(converter.client, picture, { format: 'pdf', ...asked })

/** A page as poppler draws it, at 72 dots per inch, and what it says of the file. */
async function look(pdf: Buffer, page = 1) {
  const path = join(folder, 'made.pdf')
  await writeFile(path, pdf)
  const info = (await run('pdfinfo', [path])).stdout
  const images = (await run('pdfimages', ['-list', path])).stdout
  const target = join(folder, 'page')
  const number = String(page)
  await run('pdftoppm', [
    '-png',
    '-singlefile',
    '-r',
    '72',
    '-f',
    number,
    '-l',
    number,
    path,
    target,
  ])
  return { info, images, drawn: await readFile(`${target}.png`) }
}

describe.runIf(hasPoppler)(`seen by poppler${leftOut}`, () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'a JPEG of orientation %i is upright, and its data are the same',
    async (orientation) => {
      // Red on the left, blue on the right, and green along the top when it is upright.
      const upright = await sharp(await twoHalves(120, 80).png().toBuffer())
        .composite([
          {
            input: { create: { width: 120, height: 20, channels: 3, background: '#00ff00' } },
            left: 0,
            top: 0,
          },
        ])
        .png()
        .toBuffer()
      const stored = await turnAway(upright, orientation)
      const { bytes } = await bind(stored)
      const { drawn, images, info } = await look(bytes)
      expect(images).toMatch(/ jpeg /)
      expect(info).toMatch(/Page size: +57\.6 x 38\.4 pts/)
      const near = async (x: number, y: number) =>
        (await colourAt(drawn, x, y)).map((value) => (value > 128 ? 'f' : '0')).join('')
      expect([await near(10, 30), await near(48, 30), await near(28, 3)]).toEqual([
        'f00',
        '00f',
        '0f0',
      ])
    },
  )

  test('a transparent picture is drawn over the paper', async () => {
    const clear = await sharp({
      create: {
        width: 60,
        height: 60,
        channels: 4,
        background: { r: 255, g: 0, b: 0, alpha: 0.5 },
      },
    })
      .png()
      .toBuffer()
    const { drawn, images } = await look((await bind(clear, { dpi: 72 })).bytes)
    expect(images).toMatch(/smask/)
    const [red = 0, green = 0] = await colourAt(drawn, 30, 30)
    expect(red).toBe(255)
    expect(Math.abs(green - 127)).toBeLessThan(4)
  })

  test('frames become pages, each its own', async () => {
    const { header, bytes } = await bind(await animation('gif', 3), { dpi: 72 })
    expect(header.pages).toBe(3)
    const colours = []
    for (const page of [1, 2, 3])
      colours.push(await colourAt((await look(bytes, page)).drawn, 20, 15))
    expect(colours.map((colour) => colour.slice(0, 3))).toEqual([
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ])
  })

  test.each([
    ['the dots asked for', { dpi: 100 }, undefined, '86.4 x 57.6'],
    ['150 to the inch, where nothing says otherwise', {}, undefined, '57.6 x 38.4'],
    ['what the scanner wrote', {}, 300, '28.8 x 19.2'],
    ['not what a camera that knows nothing wrote', {}, 72, '57.6 x 38.4'],
  ])('the page has the size by %s', async (_what, asked, density, size) => {
    const picture = twoHalves().jpeg()
    const stored = await (density ? picture.withMetadata({ density }) : picture).toBuffer()
    expect((await look((await bind(stored, asked)).bytes)).info).toContain(`${size} pts`)
  })

  test('a drawing has its stated size at the requested resolution', async () => {
    const { info, images } = await look((await bind(Buffer.from(svgText), { dpi: 192 })).bytes)
    expect(info).toContain('90 x 60 pts')
    expect(images).toMatch(/image +240 +160/)
  })

  test('the file has no property but the name of the producer', async () => {
    const { info } = await look((await bind(await twoHalves().png().toBuffer())).bytes)
    expect(info).toMatch(/Producer: +Herald/)
    expect(info).not.toMatch(/Creator|Author|CreationDate|Title/)
  })
})

test('a photograph loses its location and thumbnail, wherever they are stored', async () => {
  const secret = 'SECRET-PLACE'
  const jpeg = await noise(64, 64)
    .jpeg()
    .withExif({
      IFD0: { ImageDescription: secret },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '1/1 2/1 3/1' },
    })
    .toBuffer()
  // As phones do it: something of their own behind the end of the picture.
  const appended = Buffer.concat([jpeg, Buffer.from(`trailer ${secret}`)])
  expect(appended.includes(secret)).toBe(true)
  const { bytes, whole } = await bind(appended)
  expect(bytes.includes(secret)).toBe(false)
  expect(bytes.includes('Exif')).toBe(false)
  expect(whole.stripped).toEqual(expect.arrayContaining(['exif', 'gps']))
})

test('a JPEG that needs no change is not encoded again', async () => {
  const jpeg = await noise(200, 200).jpeg({ quality: 30 }).toBuffer()
  const { bytes } = await bind(jpeg)
  const scan = jpeg.subarray(jpeg.indexOf(Buffer.from([0xff, 0xda])))
  expect(bytes.includes(scan)).toBe(true)
})

test('a truncated JPEG is refused, not embedded as it is', async () => {
  const jpeg = await noise(200, 200).jpeg().toBuffer()
  expect(await refusal(converter.client, jpeg.subarray(0, jpeg.length / 2), ['pdf'])).toMatchObject(
    { code: 'HERALD_CORRUPT_FILE' },
  )
})

test('the requested size is that of the picture on the page', async () => {
  const { header } = await bind(await twoHalves(600, 400).png().toBuffer(), { width: 300 })
  expect(header).toMatchObject({ width: 300, height: 200, pages: 1 })
})

/** Stores an upright picture the way a camera held otherwise does. */
async function turnAway(upright: Buffer, orientation: number): Promise<Buffer> {
  const steps: Record<number, (picture: Sharp) => Sharp> = {
    1: (picture) => picture,
    2: (picture) => picture.flop(),
    3: (picture) => picture.rotate(180),
    4: (picture) => picture.flip(),
    5: (picture) => picture.rotate(270).flop(),
    6: (picture) => picture.rotate(270),
    7: (picture) => picture.rotate(90).flop(),
    8: (picture) => picture.rotate(90),
  }
  const raw = await (steps[orientation] ?? ((picture) => picture))(sharp(upright)).png().toBuffer()
  return sharp(raw)
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .withMetadata({ orientation })
    .toBuffer()
}
