import { createCipheriv } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import sharp, { type Sharp } from 'sharp'

/** The folder of real pictures; absent outside the machines that have it. */
export const corpusFolder = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url))

export const hasCorpus = await stat(corpusFolder).then(
  () => true,
  () => false,
)
/** The end of the name of a test on real pictures: why it is left out, if they are absent. */
export const corpusLeftOut = hasCorpus ? '' : ' (left out: the corpus of real pictures is absent)'

export const corpusFile = (name: string): Promise<Buffer> => readFile(`${corpusFolder}${name}`)

/** What `make.sh` in it has made, by programs that Herald does not use. */
export const madePictures = new URL('./fixtures/pictures/', import.meta.url)

export const madePicture = (name: string): Promise<Buffer> => readFile(new URL(name, madePictures))

/** A picture with a red left half and a blue right half: what is turned or mirrored shows. */
export function twoHalves(width = 120, height = 80): Sharp {
  const half = Math.floor(width / 2)
  return sharp({ create: { width, height, channels: 3, background: '#0000ff' } }).composite([
    {
      input: { create: { width: half, height, channels: 3, background: '#ff0000' } },
      left: 0,
      top: 0,
    },
  ])
}

/** Noise, which no encoder makes small. One seed gives the same pixels in every run. */
export function noise(width: number, height: number, seed = 0): Sharp {
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16))
  const random = stream.update(Buffer.alloc(width * height * 3))
  // Half of the range: a deviation of 37 from the middle.
  const pixels = random.map((byte) => 64 + (byte >> 1))
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

/** `frames` frames of flat colours, as an animation. */
export async function animation(format: 'gif' | 'webp', frames = 3): Promise<Buffer> {
  const colours = ['#ff0000', '#00ff00', '#0000ff']
  const pictures = await Promise.all(
    Array.from({ length: frames }, (_, index) =>
      sharp({
        create: {
          width: 40,
          height: 30,
          channels: 3,
          background: colours[index % colours.length] ?? '#fff',
        },
      })
        .png()
        .toBuffer(),
    ),
  )
  return sharp(pictures, { join: { animated: true } })
    .toFormat(format, { delay: pictures.map(() => 100), loop: 2 })
    .toBuffer()
}

export const svgText =
  '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="80"><rect width="60" height="80" fill="#f00"/><rect x="60" width="60" height="80" fill="#00f"/></svg>'

/** The same two halves in every format this server reads. */
export async function sources(): Promise<Readonly<Record<string, Buffer>>> {
  const raster = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const
  const entries = await Promise.all(
    raster.map(async (format) => [format, await twoHalves().toFormat(format).toBuffer()] as const),
  )
  return { ...Object.fromEntries(entries), svg: Buffer.from(svgText) }
}

/** The colour at a point, 8 bits per channel. */
export async function colourAt(picture: Buffer, x: number, y: number): Promise<number[]> {
  const { data } = await sharp(picture)
    .extract({ left: x, top: y, width: 1, height: 1 })
    .raw()
    .toBuffer({ resolveWithObject: true })
  return [...data]
}

/**
 * A drawing of 10^`depth` rectangles in a few lines: its header says 500 × 500, drawing it
 * takes for ever.
 */
export function svgBomb(depth = 9): Buffer {
  const levels = Array.from(
    { length: depth },
    (_, level) => `<g id="l${level + 1}">${`<use href="#l${level}" x="1"/>`.repeat(10)}</g>`,
  )
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"><defs><g id="l0"><rect width="400" height="400" fill="#123" opacity="0.5"/></g>${levels.join('')}</defs><use href="#l${depth}"/></svg>`,
  )
}
