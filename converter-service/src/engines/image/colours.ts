import { type FormatDescription, formatNamed } from '../../formats.js'
import type { RenditionPlan } from '../engine.js'
import type { Picture } from './picture.js'
import type { Sharp } from './sharp.js'

/** How the colours of a picture are converted. */
export interface Colours {
  /** The file's own profile is kept, and the pixels stay in its colour space. */
  readonly keepsProfile: boolean
  /** Sets the colour conversion of an opened picture. */
  apply(picture: Sharp): Sharp
  /** Sets it on a picture made from the result of `apply`. */
  stay(picture: Sharp): Sharp
}

/** ICC.1:2022, §7.2.8: the space of the pixels a profile describes. */
const spaceOf = (icc: Buffer) => icc.toString('latin1', 16, 20).trim()

/**
 * Converts colours to sRGB, by the file's own profile if it has one, unless the profile is to be
 * kept and the target supports it. 16 bits are kept if the target supports them.
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
  // In a grey picture a coloured background would be grey. A grey profile converts to sRGB anyway.
  const tinted = grey && isColour(plan.background) && !(icc && space === 'b-w')
  const deepSpace = space === 'grey16' && !tinted ? 'grey16' : 'rgb16'
  const stay = (from: Sharp) => {
    if (tinted) from.pipelineColourspace(deep ? 'rgb16' : 'srgb')
    return deep ? from.toColourspace(deepSpace) : from
  }
  return {
    keepsProfile: false,
    // sharp converts 16 bits with a profile to Display P3 and leaves them there, without saying so.
    // Without a profile they are sRGB already, and withIccProfile would read them as P3.
    apply: (from) =>
      icc && space === 'rgb16' ? stay(from).withIccProfile('srgb', { attach: false }) : stay(from),
    stay,
  }
}

function isColour(background: string | undefined): boolean {
  return background !== undefined && !/^#(..)\1\1$/.test(background)
}

/** Whether the target supports a profile and pixels in that space. */
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
      // A background is an RGB colour, which CMYK would change.
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
