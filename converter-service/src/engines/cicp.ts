import { HeraldError } from '@herald/proto/errors'
import { type Curve, type Primaries, primariesOf } from './colour-profile.js'

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
 * What the code points mean; undefined if it is sRGB. Throws HERALD_UNSUPPORTED_FILE for what
 * cannot be shown rightly as sRGB.
 */
export function coloursOfCicp(
  { primaries, transfer }: Cicp,
  format: string,
): { readonly primaries: Primaries; readonly curve: Curve } | undefined {
  const range = highRange[transfer]
  if (range) {
    throw unsupported(
      `This ${format} picture has a high dynamic range (${range}), which cannot be brought to sRGB here.`,
    )
  }
  const curve = likeSrgb.has(transfer) ? 'srgb' : gammaByCode[transfer]
  const space = primariesByCode[primaries === unspecified ? 1 : primaries]
  if (curve === undefined || space === undefined) {
    throw unsupported(
      `This ${format} picture has colours of a kind that is not known here (primaries ${primaries}, transfer ${transfer} of H.273).`,
    )
  }
  return space === primariesByCode[1] && curve === 'srgb' ? undefined : { primaries: space, curve }
}

function unsupported(message: string): HeraldError {
  return new HeraldError('HERALD_UNSUPPORTED_FILE', message, {
    remedy: 'Export it as a JPEG, or with sRGB colours.',
  })
}
