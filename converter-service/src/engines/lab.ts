/** D50, the white of print. */
const [whiteX, whiteZ] = [0.9642, 0.8249]

/** From CIE L*a*b* under D50 to sRGB, 0 to 255; what sRGB cannot show is clipped. */
export function labToSrgb(l: number, a: number, b: number): [number, number, number] {
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
