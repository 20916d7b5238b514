import { writeFile } from 'node:fs/promises'
import { chooseColours } from './colours.js'
import { keptDensity, writeDensity } from './density.js'
import { effortOf, encoders, type Playing } from './encoders.js'
import type { ConvertOptions, EngineLimits, Made, PreviewMade, RenditionPlan } from './engine.js'
import { fitBytes } from './fit-bytes.js'
import { cleanWritten, held, heldBy, keepDescription } from './metadata.js'
import type { Picture } from './picture.js'
import { canShowAtOnce, encodeWithPreview } from './preview.js'
import { refuseTooLarge } from './refusals.js'
import { needsSingleFrames, type Shaping, settle, shape, shapeFrames } from './shape.js'
import { type OutputInfo, type Sharp, sharp } from './sharp.js'
import { pagesToRead } from './target-size.js'

/** Makes a picture of one that is open: shaped, encoded, and its metadata seen to. */
export async function makeRendition(
  picture: Picture,
  plan: RenditionPlan,
  target: string,
  limits: EngineLimits,
  options: ConvertOptions = {},
): Promise<Made> {
  const pages = pagesToRead(picture, plan)
  refuseTooLarge(picture, pages, plan, limits)
  const colours = chooseColours(picture, plan)
  const shaping = { picture, pages, plan, limits, colours }
  const { metadata } = picture

  const place = plan.keep.includes('gps')
  const keeping = { place, profile: colours.keepsProfile }
  const keepsDescription = plan.keep.includes('exif') && held(metadata).length > 0
  const bare = (pixels: Sharp) => pixels
  const dress = keepsDescription
    ? (pixels: Sharp) => keepDescription(pixels, metadata, keeping)
    : bare
  let made = await write({ ...shaping, dress }, target, options)
  if (keepsDescription && !place && !(await cleanWritten(target))) {
    made = await write({ ...shaping, dress: bare }, target)
  }
  const now = plan.keep.length > 0 ? await heldBy(target) : []
  const kept = now.filter((item) => item !== 'icc' || colours.keepsProfile)
  return { ...made, kept: made.pages > 1 ? [...kept, 'pages'] : kept }
}

/** Shapes and encodes it, as often as it takes to stay under a limit of bytes. */
async function write(
  shaping: Shaping,
  target: string,
  options: ConvertOptions = {},
): Promise<Omit<Made, 'kept'>> {
  const { plan, picture, pages } = shaping
  const encoder = encoders[plan.format]
  if (!encoder) throw new Error(`no encoder for ${plan.format}`)
  const effort = effortOf(plan)
  const single = needsSingleFrames(shaping)
  const shaped = single ? await shapeFrames(shaping) : await shape(shaping)
  const density = keptDensity(picture.metadata.density)
  const stated = { ...(single ? playingOf(picture.metadata) : {}), density }
  const encode = (from: Sharp, with_: RenditionPlan) =>
    encoder.encode(from, with_, effort ?? 0, stated)

  let info: OutputInfo
  let preview: PreviewMade | undefined
  let quality = plan.quality
  if (options.preview && !single && canShowAtOnce(shaping)) {
    const both = await encodeWithPreview(shaped, (pixels) => encode(pixels, plan), target)
    info = both.info
    preview = both.preview
  } else if (plan.maxBytes === undefined || quality === undefined) {
    info = await encode(shaped, plan).toFile(target)
  } else {
    const once = pages > 1 || !canSettle(shaping) ? shaped : await settle(shaped, shaping)
    const fitting = await fitBytes(plan.maxBytes, quality, (tried) =>
      encode(once.clone(), { ...plan, quality: tried }).toBuffer({ resolveWithObject: true }),
    )
    await writeFile(target, fitting.data)
    info = fitting.info
    quality = fitting.quality
  }
  if (density) await writeDensity(target, plan.format, density, plan.maxBytes)
  const pagesMade = info.pages ?? 1
  return {
    width: info.width,
    height: info.pageHeight ?? info.height / pagesMade,
    pages: pagesMade,
    encoder: `${encoder.called} ${sharp.versions[encoder.library]}`,
    ...(quality === undefined ? {} : { quality }),
    ...(effort === undefined ? {} : { effort }),
    ...(preview ? { preview } : {}),
  }
}

/** A picture in inks cannot be laid down as PNG, which is what settling does. */
function canSettle({ colours, picture }: Shaping): boolean {
  return !(colours.keepsProfile && picture.metadata.space === 'cmyk')
}

function playingOf({ delay, loop }: Shaping['picture']['metadata']): Playing {
  return { ...(delay ? { delay } : {}), ...(loop === undefined ? {} : { loop }) }
}
