import { HeraldError } from '@herald/proto/errors'

type Point = readonly [x: number, y: number]
type Vector = readonly [number, number, number]
type Matrix = readonly [Vector, Vector, Vector]

export interface Primaries {
  readonly red: Point
  readonly green: Point
  readonly blue: Point
  readonly white: Point
}

/** The transfer curve: that of sRGB, or a power. */
export type Curve = 'srgb' | number

export function primariesOf(red: Point, green: Point, blue: Point, white: Point): Primaries {
  return { red, green, blue, white }
}

/** The white of the profile connection space: D50 as ICC.1 §7.2.16 gives it. */
const d50: Vector = [0.9642, 1, 0.8249]
const bradford: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
]

/** An ICC profile (version 4) of such primaries and curve. */
export function colourProfile(primaries: Primaries, curve: Curve, isGrey: boolean): Buffer {
  const shared: [string, Buffer][] = [
    ['wtpt', xyz(d50)],
    [isGrey ? 'kTRC' : 'rTRC', parametric(curve)],
    ['desc', text('Herald')],
    ['cprt', text('CC0')],
  ]
  if (isGrey) return profile('GRAY', shared)
  const columns = transpose(toD50(primaries))
  return profile('RGB ', [
    ...shared,
    ['gTRC', parametric(curve)],
    ['bTRC', parametric(curve)],
    ['rXYZ', xyz(columns[0])],
    ['gXYZ', xyz(columns[1])],
    ['bXYZ', xyz(columns[2])],
  ])
}

/** From linear RGB to XYZ under D50. */
function toD50({ red, green, blue, white }: Primaries): Matrix {
  const space = transpose([tristimulus(red), tristimulus(green), tristimulus(blue)])
  const scale = apply(invert(space), tristimulus(white))
  const toXyz = space.map((row) => row.map((value, at) => value * (scale[at] as number)))
  const from = apply(bradford, tristimulus(white))
  const to = apply(bradford, d50)
  const adapted = bradford.map((row, at) =>
    row.map((value) => (value * (to[at] as number)) / (from[at] as number)),
  ) as unknown as Matrix
  return multiply(multiply(invert(bradford), adapted), toXyz as unknown as Matrix)
}

const tristimulus = ([x, y]: Point): Vector => [x / y, 1, (1 - x - y) / y]

const apply = (m: Matrix, v: Vector) =>
  m.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as unknown as Vector

const transpose = ([a, b, c]: Matrix): Matrix => [
  [a[0], b[0], c[0]],
  [a[1], b[1], c[1]],
  [a[2], b[2], c[2]],
]

const multiply = (one: Matrix, other: Matrix): Matrix => {
  const columns = transpose(other).map((column) => apply(one, column)) as unknown as Matrix
  return transpose(columns)
}

/** By the cross products of its rows. */
function invert([a, b, c]: Matrix): Matrix {
  const bc = cross(b, c)
  const determinant = a[0] * bc[0] + a[1] * bc[1] + a[2] * bc[2]
  const columns = [bc, cross(c, a), cross(a, b)].map((column) =>
    column.map((value) => value / determinant),
  )
  return transpose(columns as unknown as Matrix)
}

const cross = (u: Vector, v: Vector): Vector => [
  u[1] * v[2] - u[2] * v[1],
  u[2] * v[0] - u[0] * v[2],
  u[0] * v[1] - u[1] * v[0],
]

/** Header and tags (ICC.1:2022 §7). */
function profile(space: string, tags: readonly (readonly [string, Buffer])[]): Buffer {
  const head = Buffer.alloc(128)
  head.writeUInt32BE(0x04300000, 8)
  head.write(`mntr${space}XYZ `, 12, 'latin1')
  for (const [at, value] of [2026, 1, 1].entries()) head.writeUInt16BE(value, 24 + at * 2)
  head.write('acsp', 36, 'latin1')
  xyz(d50).copy(head, 68, 8)
  const table = Buffer.alloc(4 + tags.length * 12)
  table.writeUInt32BE(tags.length)
  let end = head.length + table.length
  for (const [index, [name, body]] of tags.entries()) {
    table.write(name, 4 + index * 12, 'latin1')
    table.writeUInt32BE(end, 8 + index * 12)
    table.writeUInt32BE(body.length, 12 + index * 12)
    end += body.length
  }
  head.writeUInt32BE(end, 0)
  return Buffer.concat([head, table, ...tags.map(([, body]) => body)])
}

function fixed(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [at, value] of values.entries()) bytes.writeInt32BE(Math.round(value * 65_536), at * 4)
  return bytes
}

const xyz = (values: readonly number[]) =>
  Buffer.concat([Buffer.from('XYZ \0\0\0\0', 'latin1'), fixed(values)])

/** ICC.1 §10.18: a power, or a power with a linear part. */
function parametric(curve: Curve): Buffer {
  const isPower = curve !== 'srgb'
  const kind = Buffer.from(`para\0\0\0\0\0${isPower ? '\0' : '\x03'}\0\0`, 'latin1')
  const parameters = isPower ? [curve] : [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]
  return Buffer.concat([kind, fixed(parameters)])
}

/** One English text (ICC.1 §10.15), padded to a multiple of four bytes. */
function text(words: string): Buffer {
  const body = Buffer.from(words, 'utf16le').swap16()
  const head = Buffer.alloc(28)
  head.write('mluc', 'latin1')
  head.writeUInt32BE(1, 8)
  head.writeUInt32BE(12, 12)
  head.write('enUS', 16, 'latin1')
  head.writeUInt32BE(body.length, 20)
  head.writeUInt32BE(28, 24)
  return Buffer.concat([head, body, Buffer.alloc((4 - (body.length % 4)) % 4)])
}

/** Code points of ITU-T H.273, as PNG (cICP), AVIF and HEIC (nclx) hold them. */
export interface Cicp {
  readonly primaries: number
  readonly transfer: number
}

const d65 = [0.3127, 0.329] as const
/** Red, green, blue and white as x and y, by their code point (H.273, table 2). */
const primariesByCode: Readonly<Record<number, Primaries>> = {
  1: primariesOf([0.64, 0.33], [0.3, 0.6], [0.15, 0.06], d65),
  5: primariesOf([0.64, 0.33], [0.29, 0.6], [0.15, 0.06], d65),
  6: primariesOf([0.63, 0.34], [0.31, 0.595], [0.155, 0.07], d65),
  7: primariesOf([0.63, 0.34], [0.31, 0.595], [0.155, 0.07], d65),
  9: primariesOf([0.708, 0.292], [0.17, 0.797], [0.131, 0.046], d65),
  11: primariesOf([0.68, 0.32], [0.265, 0.69], [0.15, 0.06], [0.314, 0.351]),
  12: primariesOf([0.68, 0.32], [0.265, 0.69], [0.15, 0.06], d65),
}
const unspecified = 2
/** sRGB itself, and the cameras' curves of BT.709 to BT.2020, which screens show as sRGB. */
const likeSrgb = new Set([1, unspecified, 6, 13, 14, 15])
const gammaByCode: Readonly<Record<number, number>> = { 4: 2.2, 5: 2.8, 8: 1 }
const highRange: Readonly<Record<number, string>> = { 16: 'PQ', 18: 'HLG' }

/**
 * The colour space of the code points; undefined if it is sRGB. Throws HERALD_UNSUPPORTED_FILE for
 * what cannot be converted to sRGB.
 */
export function coloursOfCicp(
  { primaries, transfer }: Cicp,
  format: string,
): { readonly primaries: Primaries; readonly curve: Curve } | undefined {
  const range = highRange[transfer]
  if (range) {
    throw unsupported(
      `This ${format} picture has a high dynamic range (${range}), which this server cannot convert to sRGB.`,
    )
  }
  const curve = likeSrgb.has(transfer) ? 'srgb' : gammaByCode[transfer]
  const space = primariesByCode[primaries === unspecified ? 1 : primaries]
  if (curve === undefined || space === undefined) {
    throw unsupported(
      `This ${format} picture has an unknown colour space (primaries ${primaries}, transfer ${transfer} of H.273).`,
    )
  }
  return space === primariesByCode[1] && curve === 'srgb' ? undefined : { primaries: space, curve }
}

function unsupported(message: string): HeraldError {
  return new HeraldError('HERALD_UNSUPPORTED_FILE', message, {
    remedy: 'Export it as a JPEG, or with sRGB colours.',
  })
}
