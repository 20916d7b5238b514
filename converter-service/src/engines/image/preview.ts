import { writeFileSync } from 'node:fs'
import type { Preview } from '../engine.js'
import type { Shaping } from './shape.js'
import { type OutputInfo, type Sharp, sharp } from './sharp.js'
import { targetSize } from './target-size.js'

const maxBytes = 24 * 1024
/** From a good picture to one that always fits: side in pixels, JPEG quality. */
const steps = [
  { side: 320, quality: 70 },
  { side: 320, quality: 45 },
  { side: 240, quality: 45 },
  { side: 160, quality: 40 },
  { side: 96, quality: 30 },
] as const

/**
 * A JPEG of at most 24 KiB of the first page, transparent parts on white. `open` opens the picture
 * again for each attempt.
 */
export async function makePreview(open: () => Sharp): Promise<Preview> {
  for (const { side, quality } of steps) {
    const { data, info } = await open()
      .resize({
        width: side,
        height: side,
        fit: 'inside',
        withoutEnlargement: true,
        // Not visibly worse at this size, and a third faster.
        kernel: 'linear',
      })
      .flatten({ background: '#ffffff' })
      // Optimised tables would save 5 % of the bytes for 25 % of the time.
      .jpeg({ quality, optimiseCoding: false })
      .toBuffer({ resolveWithObject: true })
    if (data.length <= maxBytes) {
      return { base64: data.toString('base64'), width: info.width, height: info.height }
    }
  }
  throw new Error('no preview fits')
}

/** Larger renditions are not held uncompressed in memory. */
const maxPixels = 4_000_000
/** Formats of 8 bits per channel, for which raw pixels lose nothing. */
const formats = new Set(['webp', 'jpeg', 'avif'])

/**
 * Whether the rendition and its preview can be made from the same pixels. Measured: the preview then
 * takes 3 ms instead of 10, as the rendition is not decoded; the rendition's bytes are the same.
 */
export function canEncodeWithPreview({ plan, pages, picture }: Shaping): boolean {
  const { width, height } = targetSize(picture, plan, picture.scalable)
  return (
    pages === 1 &&
    formats.has(plan.format) &&
    // Raw pixels have no metadata.
    plan.keep.length === 0 &&
    plan.maxBytes === undefined &&
    width * height <= maxPixels
  )
}

/** Encodes shaped pixels to `target` and makes the preview at the same time. */
export async function encodeWithPreview(
  shaped: Sharp,
  encode: (pixels: Sharp) => Sharp,
  target: string,
): Promise<{ info: OutputInfo; preview: Preview | undefined }> {
  const { data, info } = await shaped.raw().toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const pixels = () => sharp(data, { raw: { width, height, channels } })
  const [written, preview] = await Promise.all([
    encode(pixels()).toBuffer({ resolveWithObject: true }),
    // The preview is optional.
    makePreview(pixels).catch(() => undefined),
  ])
  // Measured: toFile and an asynchronous write take a millisecond longer.
  writeFileSync(target, written.data)
  return { info: written.info, preview }
}
