import { formatNamed } from '../formats.js'
import type { Colours } from './colours.js'
import type { EngineLimits, RenditionPlan } from './engine.js'
import type { Picture } from './picture.js'
import { type Sharp, sharp } from './sharp.js'
import { drawingSize, targetSize } from './target-size.js'

/** What a picture goes through between its file and an encoder. */
export interface Shaping {
  readonly picture: Picture
  /** How many are read, from the one that was opened on. */
  readonly pages: number
  readonly plan: RenditionPlan
  readonly limits: EngineLimits
  readonly colours: Colours
  /** Sets which metadata sharp keeps; needed for each intermediate picture. */
  readonly dress: (picture: Sharp) => Sharp
  /** The part to show, where that was found before. */
  readonly crop?: Crop
}

interface Crop {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

const nothing = { r: 0, g: 0, b: 0, alpha: 0 } as const

/** Upright, in its colours, turned, cropped and sized: all but encoded. */
export async function shape(shaping: Shaping): Promise<Sharp> {
  const { plan, picture } = shaping
  const opened = flatten(await open(shaping), plan)
  if (plan.rotate === 0) return resize(opened, shaping)
  // sharp has one resize at a time, and passes it on to librsvg if no turn comes before it.
  const upright = picture.scalable ? await settle(opened, shaping) : opened
  if (plan.rotate % 90 === 0) return resize(upright.rotate(plan.rotate), shaping)
  // The corners are filled before the colours are converted, so that has to be over by then.
  const turned = (await settle(upright, shaping)).rotate(plan.rotate, {
    background: behind(plan) ?? nothing,
  })
  return resize(flatten(turned, plan), shaping)
}

/** The picture as it stands, uncompressed: what follows sees nothing of how it came about. */
export async function settle(
  pixels: Sharp,
  { colours, dress, limits }: Pick<Shaping, 'colours' | 'dress' | 'limits'>,
): Promise<Sharp> {
  const settled = await dress(pixels).png({ compressionLevel: 0 }).toBuffer()
  return colours.stay(dress(sharp(settled, { limitInputPixels: limits.maxPixels * 4 })))
}

async function open({ picture, pages, plan, limits, colours, dress }: Shaping): Promise<Sharp> {
  const opened = await picture.read({
    limitInputPixels: limits.maxPixels,
    deep: formatNamed(plan.format).deep,
    ...(pages > 1 ? { pages } : {}),
    ...(picture.scalable ? { drawnSize: drawingSize(picture, plan) } : {}),
  })
  // libvips cannot turn several pages at once, and animations carry no orientation.
  return dress(colours.apply(pages > 1 ? opened : opened.autoOrient()))
}

/** The colour behind what is see-through or empty; undefined where nothing is. */
function behind({ background, format }: RenditionPlan): string | undefined {
  return background ?? (formatNamed(format).alpha ? undefined : '#ffffff')
}

function flatten(pixels: Sharp, plan: RenditionPlan): Sharp {
  const background = behind(plan)
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
    background: behind(plan) ?? nothing,
  })
}

/** Whether sharp must look at the pixels to know where to crop. */
function looksAtPixels({ plan }: Shaping): boolean {
  const crops = plan.fit === 'cover' && plan.width !== undefined && plan.height !== undefined
  return crops && (plan.gravity === 'attention' || plan.gravity === 'entropy')
}

/** Whether the frames have to be shaped one by one: of several at once libvips can do neither. */
export function needsSingleFrames(shaping: Shaping): boolean {
  return shaping.pages > 1 && (shaping.plan.rotate !== 0 || looksAtPixels(shaping))
}

/** Shapes each frame by itself and puts them together; their times have to be told to the encoder. */
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
    // What draws the eye in the first frame is shown of all: else the picture would jump.
    if (looksAtPixels(shaping)) crop ??= { ...size, ...offsetOf(info) }
    frames.push(data)
  }
  const { width, height } = size
  return sharp(Buffer.concat(frames), {
    raw: { width, height: height * pages, channels: 4, pageHeight: height },
    limitInputPixels: false,
  })
}

/** sharp tells how far the picture was moved, which is to the left and up. */
function offsetOf(info: {
  cropOffsetLeft?: number | undefined
  cropOffsetTop?: number | undefined
}) {
  return { left: Math.abs(info.cropOffsetLeft ?? 0), top: Math.abs(info.cropOffsetTop ?? 0) }
}
