import { formatNamed } from '../formats.js'
import type { Colours } from './colours.js'
import type { EngineLimits, RenditionPlan } from './engine.js'
import type { Picture } from './image-source.js'
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

export interface Crop {
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
