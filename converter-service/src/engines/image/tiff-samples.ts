import { readFile } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import type { Pixels } from './pixels.js'
import { type Metadata, sharp } from './sharp.js'
import type { TiffTags } from './tiff-tags.js'

/** The rounding error allowed beyond 0 and 1. */
const tolerance = 0.01

/** The values in the file: libvips converts none if the colour space stays the same. */
async function rawNumbers(
  input: string | Buffer,
  page: number,
  { space, depth }: Pick<Metadata, 'space' | 'depth'>,
) {
  const { data, info } = await sharp(input, { page, ignoreIcc: true, limitInputPixels: false })
    .pipelineColourspace(space)
    .toColourspace(space)
    .raw({ depth })
    .toBuffer({ resolveWithObject: true })
  const { buffer, byteOffset, byteLength } = data
  const view = () => {
    switch (depth) {
      case 'float':
        return new Float32Array(buffer, byteOffset, byteLength / 4)
      case 'uint':
        return new Uint32Array(buffer, byteOffset, byteLength / 4)
      case 'ushort':
        return new Uint16Array(buffer, byteOffset, byteLength / 2)
      default:
        return new Uint8Array(buffer, byteOffset, byteLength)
    }
  }
  return { numbers: view(), width: info.width, height: info.height, channels: info.channels }
}

/**
 * Grey or RGB from floating point (0 is black, 1 is white), 32-bit integers, or from among more
 * channels than colours and an alpha.
 */
export async function readNumbers(
  path: string,
  page: number,
  metadata: Metadata,
  { extraSamples }: TiffTags,
): Promise<Pixels> {
  const { numbers, width, height, channels } = await rawNumbers(path, page, metadata)
  const colours = channels < 3 ? 1 : 3
  const extra = extraSamples.findIndex((use) => use === 1 || use === 2)
  // One undeclared extra channel is alpha, as in other programs.
  const alpha = extra >= 0 ? colours + extra : channels === colours + 1 ? colours : undefined
  const taken = [...Array(colours).keys(), ...(alpha === undefined ? [] : [alpha])]
  const isFloat = numbers instanceof Float32Array
  if (isFloat) refuseOutOfRange(numbers)
  const data =
    numbers instanceof Uint8Array
      ? new Uint8Array(width * height * taken.length)
      : new Uint16Array(width * height * taken.length)
  const factor = isFloat ? 65_535 : numbers instanceof Uint32Array ? 1 / 65_537 : 1
  let at = 0
  for (let from = 0; from < numbers.length; from += channels) {
    for (const channel of taken) {
      const value = (numbers[from + channel] as number) * factor
      data[at++] = Math.min(65_535, Math.max(0, Math.round(value)))
    }
  }
  return { width, height, channels: taken.length as Pixels['channels'], data }
}

function refuseOutOfRange(numbers: Float32Array): void {
  let [least, most] = [0, 1]
  for (const value of numbers) {
    if (!(value >= least)) least = value
    if (!(value <= most)) most = value
  }
  if (least >= -tolerance && most <= 1 + tolerance) return
  const range = [least, most].map((value) => Number(value.toPrecision(4))).join(' to ')
  throw new HeraldError(
    'HERALD_UNSUPPORTED_FILE',
    `This TIFF file holds numbers from ${range}; a picture has 0 for black and 1 for white.`,
    { remedy: 'Scale them to that range, or save it with 8 or 16 bits per channel.' },
  )
}

/** CIE and ICC L*a*b* of 8 or 16 bits: opened as if it were RGB, and converted to sRGB here. */
export const readLab = {
  /** A copy of the file that declares its three channels as RGB. */
  async open(path: string, { photometricAt, isLittleEndian }: TiffTags): Promise<Buffer> {
    const file = await readFile(path)
    if (isLittleEndian) file.writeUInt16LE(2, photometricAt)
    else file.writeUInt16BE(2, photometricAt)
    return file
  },

  async pixels(file: Buffer, page: number, { photometric, bits }: TiffTags): Promise<Pixels> {
    const stored = bits === 8 ? 'uchar' : 'ushort'
    const space = bits === 8 ? 'srgb' : 'rgb16'
    const raw = await rawNumbers(file, page, { space, depth: stored })
    const { numbers, width, height, channels } = raw
    const hasAlpha = channels > 3
    const size = hasAlpha ? 4 : 3
    const data = new Uint8Array(width * height * size)
    const unit = bits === 8 ? 1 : 256
    const white = photometric === 9 && bits === 16 ? 0xff00 : bits === 8 ? 255 : 65_535
    // CIE L*a*b* has signed numbers, ICC L*a*b* has 128 for none (TIFF 6.0 §23, ICC.1 §10.8).
    const chroma = (value: number) => {
      const scaled = value / unit
      return photometric === 9 ? scaled - 128 : scaled >= 128 ? scaled - 256 : scaled
    }
    for (let pixel = 0; pixel < width * height; pixel++) {
      const from = pixel * channels
      const [l = 0, a = 0, b = 0, alpha = 0] = numbers.subarray(from, from + size)
      data.set(labToSrgb((l * 100) / white, chroma(a), chroma(b)), pixel * size)
      if (hasAlpha) data[pixel * size + 3] = alpha / (bits === 8 ? 1 : 257)
    }
    return { width, height, channels: size, data }
  },
}

/** D50, the white of print. */
const [whiteX, whiteZ] = [0.9642, 0.8249]

/** From CIE L*a*b* under D50 to sRGB, 0 to 255; what sRGB cannot show is clipped. */
function labToSrgb(l: number, a: number, b: number): [number, number, number] {
  const fy = (l + 16) / 116
  const x = whiteX * cube(fy + a / 500)
  const y = cube(fy)
  const z = whiteZ * cube(fy - b / 200)
  // XYZ under D50 to linear sRGB: Bradford adaptation included.
  return [
    encode(3.1338561 * x - 1.6168667 * y - 0.4906146 * z),
    encode(-0.9787684 * x + 1.9161415 * y + 0.033454 * z),
    encode(0.0719453 * x - 0.2289914 * y + 1.4052427 * z),
  ]
}

function cube(value: number): number {
  return value > 6 / 29 ? value ** 3 : 3 * (6 / 29) ** 2 * (value - 4 / 29)
}

/** IEC 61966-2-1. */
function encode(linear: number): number {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055
  return Math.round(255 * Math.min(1, Math.max(0, value)))
}
