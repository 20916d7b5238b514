import { writeFile } from 'node:fs/promises'
import type {
  ConvertOptions,
  EngineLimits,
  Preview,
  RenditionPlan,
  RenditionResult,
} from '../engine.js'
import { chooseColours } from './colours.js'
import { keptDensity, writeDensity } from './density.js'
import { type Animation, effortOf, encoders } from './encoders.js'
import { fitBytes } from './fit-bytes.js'
import { heldMetadata, keepDescription, metadataIn, wipeWrittenLocation } from './metadata.js'
import type { Picture } from './picture.js'
import { canEncodeWithPreview, encodeWithPreview } from './preview.js'
import { refuseTooLarge } from './refusals.js'
import { materialize, needsSingleFrames, type Shaping, shape, shapeFrames } from './shape.js'
import { type OutputInfo, type Sharp, sharp } from './sharp.js'
import { pagesToRead } from './target-size.js'

/** Makes a rendition of an open picture: shapes, encodes, and keeps or strips its metadata. */
export async function makeRendition(
  picture: Picture,
  plan: RenditionPlan,
  target: string,
  limits: EngineLimits,
  options: ConvertOptions = {},
): Promise<RenditionResult> {
  const pages = pagesToRead(picture, plan)
  refuseTooLarge(picture, pages, plan, limits)
  const colours = chooseColours(picture, plan)
  const shaping = { picture, pages, plan, limits, colours }
  const { metadata } = picture

  const location = plan.keep.includes('gps')
  const keeping = { location, profile: colours.keepsProfile }
  const keepsDescription = plan.keep.includes('exif') && heldMetadata(metadata).length > 0
  const unchanged = (pixels: Sharp) => pixels
  const attachMetadata = keepsDescription
    ? (pixels: Sharp) => keepDescription(pixels, metadata, keeping)
    : unchanged
  let result = await write({ ...shaping, attachMetadata }, target, options)
  if (keepsDescription && !location && !(await wipeWrittenLocation(target))) {
    // A location may be left: no metadata is kept.
    result = await write({ ...shaping, attachMetadata: unchanged }, target)
  }
  const written = plan.keep.length > 0 ? await metadataIn(target) : []
  const kept = written.filter((item) => item !== 'icc' || colours.keepsProfile)
  return { ...result, kept: result.pages > 1 ? [...kept, 'pages'] : kept }
}

/** Shapes and encodes it, repeatedly if a limit of bytes requires it. */
async function write(
  shaping: Shaping,
  target: string,
  options: ConvertOptions = {},
): Promise<Omit<RenditionResult, 'kept'>> {
  const { plan, picture, pages } = shaping
  const encoder = encoders[plan.format]
  if (!encoder) throw new Error(`no encoder for ${plan.format}`)
  const effort = effortOf(plan)
  const single = needsSingleFrames(shaping)
  const shaped = single ? await shapeFrames(shaping) : await shape(shaping)
  const density = keptDensity(picture.metadata.density)
  const stated = { ...(single ? animationOf(picture.metadata) : {}), density }
  const encode = (pixels: Sharp, asPlanned: RenditionPlan) =>
    encoder.encode(pixels, asPlanned, effort ?? 0, stated)

  let info: OutputInfo
  let preview: Preview | undefined
  let quality = plan.quality
  if (options.preview && !single && canEncodeWithPreview(shaping)) {
    const both = await encodeWithPreview(shaped, (pixels) => encode(pixels, plan), target)
    info = both.info
    preview = both.preview
  } else if (plan.maxBytes === undefined || quality === undefined) {
    info = await encode(shaped, plan).toFile(target)
  } else {
    // Computed once, not for each attempt.
    const pixels =
      pages > 1 || !canMaterialize(shaping) ? shaped : await materialize(shaped, shaping)
    const fitting = await fitBytes(plan.maxBytes, quality, (tried) =>
      encode(pixels.clone(), { ...plan, quality: tried }).toBuffer({ resolveWithObject: true }),
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
    encoder: `${encoder.name} ${sharp.versions[encoder.library]}`,
    ...(quality === undefined ? {} : { quality }),
    ...(effort === undefined ? {} : { effort }),
    ...(preview ? { preview } : {}),
  }
}

/** `materialize` writes PNG, which has no CMYK. */
function canMaterialize({ colours, picture }: Shaping): boolean {
  return !(colours.keepsProfile && picture.metadata.space === 'cmyk')
}

function animationOf({ delay, loop }: Shaping['picture']['metadata']): Animation {
  return { ...(delay ? { delay } : {}), ...(loop === undefined ? {} : { loop }) }
}
