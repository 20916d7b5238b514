import { writeFile } from 'node:fs/promises'
import type { ConvertOptions, EngineLimits, RenditionPlan, RenditionResult } from '../engine.js'
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

  const keepsLocation = plan.keep.includes('gps')
  const keepsDescription = plan.keep.includes('exif') && heldMetadata(metadata).length > 0
  const withoutMetadata = { ...shaping, attachMetadata: (pixels: Sharp) => pixels }
  const keeping = { location: keepsLocation, profile: colours.keepsProfile }
  const withDescription = {
    ...shaping,
    attachMetadata: (pixels: Sharp) => keepDescription(pixels, metadata, keeping),
  }

  let result = await write(keepsDescription ? withDescription : withoutMetadata, target, options)
  if (keepsDescription && !keepsLocation && !(await wipeWrittenLocation(target))) {
    // A location may be left: no metadata is kept.
    result = await write(withoutMetadata, target)
  }
  const written = plan.keep.length > 0 ? await metadataIn(target) : []
  const kept = written.filter((item) => item !== 'icc' || colours.keepsProfile)
  return { ...result, kept: result.pages > 1 ? [...kept, 'pages'] : kept }
}

/** Shapes the pixels, encodes them and states their density. */
async function write(
  shaping: Shaping,
  target: string,
  options: ConvertOptions = {},
): Promise<Omit<RenditionResult, 'kept'>> {
  const { plan, picture } = shaping
  const encoder = encoders[plan.format]
  if (!encoder) throw new Error(`no encoder for ${plan.format}`)
  const effort = effortOf(plan)
  const single = needsSingleFrames(shaping)
  const density = keptDensity(picture.metadata.density)
  const stated = { ...(single ? animationOf(picture.metadata) : {}), density }

  const shaped = single ? await shapeFrames(shaping) : await shape(shaping)
  const encode = (pixels: Sharp, asPlanned = plan) =>
    encoder.encode(pixels, asPlanned, effort ?? 0, stated)
  const withPreview = options.preview && !single && canEncodeWithPreview(shaping)
  const { info, quality, preview } = withPreview
    ? { ...(await encodeWithPreview(shaped, encode, target)), quality: plan.quality }
    : { ...(await encodeToFit(shaped, encode, shaping, target)), preview: undefined }
  if (density) await writeDensity(target, plan.format, density, plan.maxBytes)

  const pages = info.pages ?? 1
  return {
    width: info.width,
    height: info.pageHeight ?? info.height / pages,
    pages,
    encoder: `${encoder.name} ${sharp.versions[encoder.library]}`,
    ...(quality === undefined ? {} : { quality }),
    ...(effort === undefined ? {} : { effort }),
    ...(preview ? { preview } : {}),
  }
}

/** Encodes to `target`: once, or with lower quality until it fits a limit of bytes. */
async function encodeToFit(
  shaped: Sharp,
  encode: (pixels: Sharp, asPlanned?: RenditionPlan) => Sharp,
  shaping: Shaping,
  target: string,
): Promise<{ info: OutputInfo; quality: number | undefined }> {
  const { maxBytes, quality } = shaping.plan
  if (maxBytes === undefined || quality === undefined) {
    return { info: await encode(shaped).toFile(target), quality }
  }
  // Computed once, not for each attempt.
  const pixels =
    shaping.pages > 1 || !canMaterialize(shaping) ? shaped : await materialize(shaped, shaping)
  const fitting = await fitBytes(maxBytes, quality, (tried) =>
    encode(pixels.clone(), { ...shaping.plan, quality: tried }).toBuffer({
      resolveWithObject: true,
    }),
  )
  await writeFile(target, fitting.data)
  return { info: fitting.info, quality: fitting.quality }
}

/** `materialize` writes PNG, which has no CMYK. */
function canMaterialize({ colours, picture }: Shaping): boolean {
  return !(colours.keepsProfile && picture.metadata.space === 'cmyk')
}

function animationOf({ delay, loop }: Shaping['picture']['metadata']): Animation {
  return { ...(delay ? { delay } : {}), ...(loop === undefined ? {} : { loop }) }
}
