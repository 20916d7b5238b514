import { writeFileSync } from 'node:fs'
import type { PreviewMade } from './engine.js'
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
 * A JPEG of at most 24 KiB, see-through parts on white, of the first page. `open` begins anew to
 * read the picture.
 */
export async function makePreview(open: () => Sharp): Promise<PreviewMade> {
  for (const { side, quality } of steps) {
    const { data, info } = await open()
      .resize({
        width: side,
        height: side,
        fit: 'inside',
        withoutEnlargement: true,
        // At this size nobody sees that it is not the finest, and it takes a third less.
        kernel: 'linear',
      })
      .flatten({ background: '#ffffff' })
      // Optimised tables save a twentieth of the bytes for a quarter of the time.
      .jpeg({ quality, optimiseCoding: false })
      .toBuffer({ resolveWithObject: true })
    if (data.length <= maxBytes) {
      return { base64: data.toString('base64'), width: info.width, height: info.height }
    }
  }
  throw new Error('no preview fits')
}

/** Uncompressed, a rendition is held whole: only one that is small anyway. */
const maxPixels = 4_000_000
/** Formats of 8 bits per channel, of which a raw picture keeps everything. */
const formats = new Set(['webp', 'jpeg', 'avif'])

/**
 * Whether the rendition and its preview may come from the same pixels. Measured: the preview then
 * costs 3 ms instead of 10, for it need not decode the rendition; the rendition's bytes are the same.
 */
export function canShowAtOnce({ plan, pages, picture }: Shaping): boolean {
  const { width, height } = targetSize(picture, plan, picture.scalable)
  return (
    pages === 1 &&
    formats.has(plan.format) &&
    // What a raw picture does not hold.
    plan.keep.length === 0 &&
    plan.maxBytes === undefined &&
    width * height <= maxPixels
  )
}

/** Encodes what was shaped to `target` and makes the preview of it, both at once. */
export async function encodeWithPreview(
  shaped: Sharp,
  encode: (pixels: Sharp) => Sharp,
  target: string,
): Promise<{ info: OutputInfo; preview: PreviewMade | undefined }> {
  const { data, info } = await shaped.raw().toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const pixels = () => sharp(data, { raw: { width, height, channels } })
  const [written, preview] = await Promise.all([
    encode(pixels()).toBuffer({ resolveWithObject: true }),
    // A rendition without a picture of it is still a rendition.
    makePreview(pixels).catch(() => undefined),
  ])
  // Measured: toFile, or a write that is waited for, takes a millisecond longer.
  writeFileSync(target, written.data)
  return { info: written.info, preview }
}
