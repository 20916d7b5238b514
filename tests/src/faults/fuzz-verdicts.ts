import type { BareAnswer } from './bare-sharp-process.js'

/** Herald's result for a file. */
export type HeraldAnswer =
  | {
      readonly converted: true
      readonly width: number
      readonly height: number
      /** The detected format. */
      readonly format: string
    }
  | { readonly converted: false; readonly code: string; readonly message: string }

export interface Difference {
  readonly file: string
  /** Why the difference is expected; undefined if no reason is known. */
  readonly because: string | undefined
  readonly herald: string
  readonly bare: string
}

interface Explanation {
  readonly because: string
  fits(herald: HeraldAnswer, bare: BareAnswer): boolean
}

/** Expected differences; the first that fits counts. Any other is a defect of Herald or of sharp. */
const explanations: readonly Explanation[] = [
  {
    because:
      'Herald counts the pixels of all pages and of the rendition, bare sharp those it reads',
    fits: (herald) => !herald.converted && herald.code === 'HERALD_TOO_MANY_PIXELS',
  },
  {
    because: 'Herald limits the pages',
    fits: (herald) => !herald.converted && herald.code === 'HERALD_TOO_MANY_PAGES',
  },
  {
    because: 'Herald limits the side of a rendition',
    fits: (herald) => !herald.converted && herald.code === 'HERALD_BAD_OPTION',
  },
  {
    because: 'Herald limits time and memory',
    fits: (herald) =>
      !herald.converted && /TIMEOUT|MEMORY|BUDGET|CPU|TOO_LONG|TOO_LARGE/.test(herald.code),
  },
  {
    because: 'Herald does not recognize its first bytes; sharp searches further for SVG and ICC',
    fits: (herald) => !herald.converted && herald.code === 'HERALD_UNSUPPORTED_FILE',
  },
  {
    because: 'another engine than sharp reads it',
    fits: (herald, bare) =>
      herald.converted && !bare.converted && !sharpReads.includes(herald.format),
  },
  {
    because: 'bare sharp was too slow or crashed',
    fits: (_herald, bare) => !bare.converted && bare.reason.startsWith('bare sharp'),
  },
]

const sharpReads = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff', 'svg']

/** Undefined if both agree: converted to the same size, or refused. */
export function difference(
  file: string,
  herald: HeraldAnswer,
  bare: BareAnswer,
): Difference | undefined {
  const agreement =
    herald.converted && bare.converted
      ? near(herald.width, bare.width) && near(herald.height, bare.height)
      : herald.converted === bare.converted
  if (agreement) return undefined
  const because = explanations.find((each) => each.fits(herald, bare))?.because
  return { file, because, herald: heraldText(herald), bare: bareText(bare) }
}

/** An SVG drawn larger differs from one scaled up by the rounding of a pixel. */
const near = (one: number, other: number) => Math.abs(one - other) <= 1

const heraldText = (answer: HeraldAnswer) =>
  answer.converted
    ? `${answer.format} ${answer.width} × ${answer.height}`
    : `${answer.code}: ${answer.message}`
const bareText = (answer: BareAnswer) =>
  answer.converted ? `${answer.width} × ${answer.height}` : answer.reason
