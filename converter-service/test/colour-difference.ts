/** Red, green, blue, 0 to 255, in the transfer curve that sRGB and Display P3 share. */
export type Colour = readonly number[]
type Matrix = readonly (readonly [number, number, number])[]

/** From linear sRGB, and from linear Display P3, to CIE XYZ under D65 (SMPTE EG 432-1, IEC 61966-2-1). */
const srgbToXyz: Matrix = [
  [0.4124, 0.3576, 0.1805],
  [0.2126, 0.7152, 0.0722],
  [0.0193, 0.1192, 0.9505],
]
const p3ToXyz: Matrix = [
  [0.4866, 0.2657, 0.1982],
  [0.229, 0.6917, 0.0793],
  [0, 0.0451, 1.0439],
]
/** From linear BT.2020 to CIE XYZ under D65 (ITU-R BT.2020). */
const bt2020ToXyz: Matrix = [
  [0.637, 0.1446, 0.1689],
  [0.2627, 0.678, 0.0593],
  [0, 0.0281, 1.061],
]
const xyzToSrgb: Matrix = [
  [3.2406, -1.5372, -0.4986],
  [-0.9689, 1.8758, 0.0415],
  [0.0557, -0.204, 1.057],
]

const times = (matrix: Matrix, [x = 0, y = 0, z = 0]: Colour) =>
  matrix.map(([a, b, c]) => a * x + b * y + c * z)

const linear = (value: number) =>
  value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4

const encoded = (value: number) => {
  const inside = Math.min(1, Math.max(0, value))
  return 255 * (inside <= 0.0031308 ? inside * 12.92 : 1.055 * inside ** (1 / 2.4) - 0.055)
}

/** What a colour in Display P3 is in sRGB, by the definitions of both: no library has a part in it. */
export function p3ToSrgb(colour: Colour): Colour {
  return times(xyzToSrgb, times(p3ToXyz, colour.slice(0, 3).map(linear))).map(encoded)
}

/** The same for the primaries of BT.2020 under the curve of sRGB. */
export function bt2020ToSrgb(colour: Colour): Colour {
  return times(xyzToSrgb, times(bt2020ToXyz, colour.slice(0, 3).map(linear))).map(encoded)
}

/** CIE L*a*b* under D65. */
function lab(colour: Colour): Colour {
  const [x = 0, y = 0, z = 0] = times(srgbToXyz, colour.slice(0, 3).map(linear))
  const root = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116)
  const [fx, fy, fz] = [root(x / 0.95047), root(y), root(z / 1.08883)]
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)]
}

/** How far two colours of sRGB are apart to the eye (CIE 1976): from about 2.3 on it is seen. */
export function deltaE(one: Colour, other: Colour): number {
  const [a, b] = [lab(one), lab(other)]
  return Math.hypot(...a.map((value, at) => value - (b[at] ?? 0)))
}
