import { formatNamed } from '../../formats.js'
import type { EngineLimits, RenditionPlan } from '../engine.js'
import type { Colours } from './colours.js'
import type { Picture } from './picture.js'
import { type Sharp, sharp } from './sharp.js'
import { drawingSize, targetSize } from './target-size.js'

/** What happens to a picture between its file and an encoder. */
export interface Shaping {
  readonly picture: Picture
  /** How many are read, from the opened one on. */
  readonly pages: number
  readonly plan: RenditionPlan
  readonly limits: EngineLimits
  readonly colours: Colours
  /** Sets which metadata sharp keeps; needed for each intermediate picture. */
  readonly attachMetadata: (picture: Sharp) => Sharp
  /** The part to show, if it is known already. */
  readonly crop?: Crop
}

interface Crop {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

const transparent = { r: 0, g: 0, b: 0, alpha: 0 } as const

/** Everything before encoding: orientation, colours, rotation, crop, size. */
export async function shape(shaping: Shaping): Promise<Sharp> {
  const { plan, picture } = shaping
  const opened = flatten(await open(shaping), plan)
  if (plan.rotate === 0) return resize(opened, shaping)
  // sharp has one resize at a time, and passes it on to librsvg if no turn comes before it.
  const upright = picture.scalable ? await materialize(opened, shaping) : opened
  if (plan.rotate % 90 === 0) return resize(upright.rotate(plan.rotate), shaping)
  // sharp fills the corners before it converts the colours, so these are converted first.
  const turned = (await materialize(upright, shaping)).rotate(plan.rotate, {
    background: backgroundOf(plan) ?? transparent,
  })
  return resize(flatten(turned, plan), shaping)
}

/** Computes the pixels so far, so that what follows applies to the result. */
export async function materialize(
  pixels: Sharp,
  { colours, attachMetadata, limits }: Pick<Shaping, 'colours' | 'attachMetadata' | 'limits'>,
): Promise<Sharp> {
  const materialized = await attachMetadata(pixels).png({ compressionLevel: 0 }).toBuffer()
  return colours.stay(
    attachMetadata(sharp(materialized, { limitInputPixels: limits.maxPixels * 4 })),
  )
}

async function open({
  picture,
  pages,
  plan,
  limits,
  colours,
  attachMetadata,
}: Shaping): Promise<Sharp> {
  const opened = await picture.read({
    limitInputPixels: limits.maxPixels,
    deep: formatNamed(plan.format).deep,
    ...(pages > 1 ? { pages } : {}),
    ...(picture.scalable ? { drawnSize: drawingSize(picture, plan) } : {}),
  })
  // libvips cannot turn several pages at once, and animations carry no orientation.
  return attachMetadata(colours.apply(pages > 1 ? opened : opened.autoOrient()))
}

/** The colour behind transparent or empty parts; undefined if they stay transparent. */
function backgroundOf({ background, format }: RenditionPlan): string | undefined {
  return background ?? (formatNamed(format).alpha ? undefined : '#ffffff')
}

function flatten(pixels: Sharp, plan: RenditionPlan): Sharp {
  const background = backgroundOf(plan)
  return background === undefined ? pixels : pixels.flatten({ background })
}

function resize(pixels: Sharp, { picture, plan, crop }: Shaping): Sharp {
  const { width, height, fit } = plan
  if (width === undefined && height === undefined) return pixels
  if (crop)
    return pixels.resize({ width: crop.width, height: crop.height, fit: 'outside' }).extract(crop)
  const boxed =
    width !== undefined && height !== undefined && (fit === 'cover' || fit === 'contain')
  // Given one side, sharp would distort or pad; given a box, it would round in its own way.
  if (!boxed) return pixels.resize({ ...targetSize(picture, plan, picture.scalable), fit: 'fill' })
  // A drawing is drawn at the size it is resized to: sharp passes the scale on to librsvg.
  return pixels.resize({
    width,
    height,
    fit,
    position: plan.gravity,
    withoutEnlargement: !plan.enlarge && !picture.scalable,
    background: backgroundOf(plan) ?? transparent,
  })
}

/** Whether the crop depends on the content. */
function looksAtPixels({ plan }: Shaping): boolean {
  const crops = plan.fit === 'cover' && plan.width !== undefined && plan.height !== undefined
  return crops && (plan.gravity === 'attention' || plan.gravity === 'entropy')
}

/** Whether the frames must be shaped one by one: libvips cannot rotate or crop several by content. */
export function needsSingleFrames(shaping: Shaping): boolean {
  return shaping.pages > 1 && (shaping.plan.rotate !== 0 || looksAtPixels(shaping))
}

/** Shapes each frame by itself and joins them; the encoder needs their timing apart. */
export async function shapeFrames(shaping: Shaping): Promise<Sharp> {
  const { picture, pages } = shaping
  const frames: Buffer[] = []
  let crop: Crop | undefined
  let size = { width: 0, height: 0 }
  for (let page = 0; page < pages; page++) {
    const shaped = await shape({
      ...shaping,
      pages: 1,
      picture: { ...picture, read: (options) => picture.read({ ...options, page }) },
      ...(crop ? { crop } : {}),
    })
    const { data, info } = await shaped.ensureAlpha().raw().toBuffer({ resolveWithObject: true })
    size = { width: info.width, height: info.height }
    // All frames are cropped like the first one, or the animation would jump.
    if (looksAtPixels(shaping)) crop ??= { ...size, ...offsetOf(info) }
    frames.push(data)
  }
  const { width, height } = size
  return sharp(Buffer.concat(frames), {
    raw: { width, height: height * pages, channels: 4, pageHeight: height },
    limitInputPixels: false,
  })
}

/** sharp gives the offsets as negative numbers. */
function offsetOf(info: {
  cropOffsetLeft?: number | undefined
  cropOffsetTop?: number | undefined
}) {
  return { left: Math.abs(info.cropOffsetLeft ?? 0), top: Math.abs(info.cropOffsetTop ?? 0) }
}
