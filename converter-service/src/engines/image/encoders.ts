import { formatNamed } from '../../formats.js'
import type { RenditionPlan } from '../engine.js'
import type { Sharp, SharpVersions } from './sharp.js'

/** The timing of an animation, if the pixels do not carry it. */
export interface Animation {
  /** Of each frame, in milliseconds. */
  readonly delay?: number[]
  /** How often; 0 is endlessly. */
  readonly loop?: number
}

/** Further properties of the file. */
interface Stated extends Animation {
  /** Dots per inch; undefined if nothing but the usual is known. */
  readonly density?: number | undefined
}

interface Encoder {
  /** The encoder's key in `sharp.versions`, and its usual name. */
  readonly library: keyof SharpVersions
  readonly name: string
  /** 0 (fast) to 9 (small); absent if the encoder has none. */
  readonly defaultEffort?: number
  /** `effort` is the plan's or the default. */
  encode(picture: Sharp, plan: RenditionPlan, effort: number, stated: Stated): Sharp
}

/** How each format is written. */
export const encoders: Readonly<Record<string, Encoder>> = {
  jpeg: {
    library: 'mozjpeg',
    name: 'mozjpeg',
    encode: (picture, plan) => picture.jpeg({ ...qualityOf(plan), progressive: true }),
  },
  png: {
    library: 'png',
    name: 'libpng',
    defaultEffort: 6,
    encode: (picture, { palette }, effort) =>
      picture.png({
        compressionLevel: Math.max(1, effort),
        // The palette search of the default effort takes seconds on a photograph.
        ...(palette ? { palette, effort: Math.max(1, Math.floor(effort / 2)) } : {}),
      }),
  },
  webp: {
    library: 'webp',
    name: 'libwebp',
    defaultEffort: 6,
    encode(picture, plan, effort, { delay, loop }) {
      const options = { ...playing(delay, loop), effort: Math.round((effort * 6) / 9) }
      // Without `exact` the colours of transparent pixels are lost.
      return picture.webp(
        plan.lossless
          ? { ...options, lossless: true, exact: true }
          : { ...options, ...qualityOf(plan) },
      )
    },
  },
  avif: {
    library: 'aom',
    name: 'aom',
    // Effort 4 takes eight times as long as 2 for 8 % fewer bytes.
    defaultEffort: 2,
    encode: (picture, plan, effort) =>
      picture.avif(plan.lossless ? { lossless: true, effort } : { ...qualityOf(plan), effort }),
  },
  gif: {
    library: 'cgif',
    name: 'cgif',
    // The palette search of sharp's own default takes seconds on a photograph.
    defaultEffort: 2,
    encode: (picture, _plan, effort, { delay, loop }) =>
      picture.gif({ ...playing(delay, loop), effort: effort + 1 }),
  },
  tiff: {
    library: 'tiff',
    name: 'libtiff',
    // sharp's default is JPEG inside TIFF, which loses quality.
    encode: (picture, _plan, _effort, { density }) =>
      picture.tiff({
        compression: 'deflate',
        predictor: 'horizontal',
        // In dots per millimetre.
        ...(density ? { xres: density / 25.4, yres: density / 25.4, resolutionUnit: 'inch' } : {}),
      }),
  },
}

function qualityOf({ format, quality = formatNamed(format).defaultQuality }: RenditionPlan) {
  return quality === undefined ? {} : { quality }
}

/** Absent if the pixels carry it. */
function playing(delay: number[] | undefined, loop: number | undefined): Animation {
  return { ...(delay ? { delay } : {}), ...(loop === undefined ? {} : { loop }) }
}

/** The effort of a plan; undefined if the format has none. */
export function effortOf({ format, effort }: RenditionPlan): number | undefined {
  const { defaultEffort } = encoders[format] ?? {}
  return defaultEffort === undefined ? undefined : (effort ?? defaultEffort)
}
