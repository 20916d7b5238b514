import { type FormatDescription, formatNamed } from '../formats.js'
import type { RenditionPlan } from './engine.js'
import type { Picture } from './picture.js'
import type { Sharp } from './sharp.js'

/** What happens to the colours of a picture. */
export interface Colours {
  /** The file's own profile stays, and the pixels stay in its space. */
  readonly keepsProfile: boolean
  /** Tells sharp, of a picture as it was opened. */
  apply(picture: Sharp): Sharp
  /** Tells sharp once more, of what `apply` has made of it. */
  stay(picture: Sharp): Sharp
}

/** ICC.1:2022, §7.2.8: the space of the pixels a profile describes. */
const spaceOf = (icc: Buffer) => icc.toString('latin1', 16, 20).trim()

/**
 * Colours become sRGB, by the file's own profile where it has one, unless the profile is to be
 * kept and the target can hold it. 16 bits stay where the target holds them.
 */
export function chooseColours(picture: Picture, plan: RenditionPlan): Colours {
  const target = formatNamed(plan.format)
  const { icc, depth, space } = picture.metadata
  const deep = target.deep && depth === 'ushort' && !plan.palette
  const grey = space === 'grey16' || space === 'b-w'
  if (icc && plan.keep.includes('icc') && holds(target, spaceOf(icc), grey, plan)) {
    const apply = (from: Sharp) => inOwnSpace(from, spaceOf(icc), deep)
    return { keepsProfile: true, apply, stay: apply }
  }
  // Among greys a coloured background would be grey. A grey profile makes sRGB of them by itself.
  const tinted = grey && isColour(plan.background) && !(icc && space === 'b-w')
  const deepSpace = space === 'grey16' && !tinted ? 'grey16' : 'rgb16'
  const stay = (from: Sharp) => {
    if (tinted) from.pipelineColourspace(deep ? 'rgb16' : 'srgb')
    return deep ? from.toColourspace(deepSpace) : from
  }
  return {
    keepsProfile: false,
    // sharp works on 16 bits with a profile in Display P3 and leaves them there, so that they
    // are taken for sRGB. Without a profile they are sRGB, and naming one would take them for P3.
    apply: (from) =>
      icc && space === 'rgb16' ? stay(from).withIccProfile('srgb', { attach: false }) : stay(from),
    stay,
  }
}

function isColour(background: string | undefined): boolean {
  return background !== undefined && !/^#(..)\1\1$/.test(background)
}

/** Whether the target can hold pixels in that space under a profile. */
function holds(
  { name }: FormatDescription,
  space: string,
  grey: boolean,
  { rotate, fit, background }: RenditionPlan,
): boolean {
  switch (space) {
    case 'RGB':
      return !grey && name !== 'gif'
    case 'GRAY':
      return grey && !isColour(background) && (name === 'jpeg' || name === 'png' || name === 'tiff')
    case 'CMYK':
      // A background is a colour in RGB: among inks it would be another.
      return (
        (name === 'jpeg' || name === 'tiff') &&
        rotate % 90 === 0 &&
        fit !== 'contain' &&
        background === undefined
      )
    default:
      return false
  }
}

function inOwnSpace(picture: Sharp, space: string, deep: boolean): Sharp {
  if (space === 'CMYK') picture.pipelineColourspace('cmyk').toColourspace('cmyk')
  else if (space === 'GRAY') picture.toColourspace(deep ? 'grey16' : 'b-w')
  else if (deep) picture.toColourspace('rgb16')
  return picture.keepIccProfile()
}
