import type { RenditionPlan } from './engine.js'
import type { Sharp, SharpVersions } from './sharp.js'

interface Encoder {
  /** The library that does it, as sharp names it, and as people do. */
  readonly library: keyof SharpVersions
  readonly called: string
  encode(picture: Sharp, plan: RenditionPlan): Sharp
}

/** How each format is written. */
export const encoders: Readonly<Record<string, Encoder>> = {
  jpeg: {
    library: 'mozjpeg',
    called: 'mozjpeg',
    encode: (picture, { quality = 82 }) => picture.jpeg({ quality, progressive: true }),
  },
  png: {
    library: 'png',
    called: 'libpng',
    encode: (picture) => picture.png({ compressionLevel: 6 }),
  },
  webp: {
    library: 'webp',
    called: 'libwebp',
    encode: (picture, { quality = 80, lossless }) =>
      // Without `exact` the colours under see-through pixels are lost: that is not lossless.
      lossless ? picture.webp({ lossless, exact: true }) : picture.webp({ quality }),
  },
  avif: {
    library: 'aom',
    called: 'aom',
    // Effort 4 takes eight times as long as 2 for eight per cent fewer bytes.
    encode: (picture, { quality = 55, lossless }) =>
      picture.avif(lossless ? { lossless, effort: 2 } : { quality, effort: 2 }),
  },
  gif: {
    library: 'cgif',
    called: 'cgif',
    // The palette search of the default effort takes seconds on a photograph.
    encode: (picture) => picture.gif({ effort: 3 }),
  },
  tiff: {
    library: 'tiff',
    called: 'libtiff',
    // sharp's default is JPEG inside TIFF, which is not what somebody who asks for TIFF wants.
    encode: (picture) => picture.tiff({ compression: 'deflate', predictor: 'horizontal' }),
  },
}
