import { HeraldError } from '@herald/proto/errors'
import { findFormat, formatCatalogue, formatNamed } from '../formats.js'
import { encoders } from './encoders.js'
import type { Engine, EngineLimits, Inspection, Made, RenditionPlan, SourceFile } from './engine.js'
import { refuseTooLarge } from './image-limits.js'
import { openPicture, type Picture } from './image-source.js'
import { cleanWritten, held, keepDescription } from './metadata.js'
import { makePreview } from './preview.js'
import { type Sharp, sharp } from './sharp.js'
import { explainSharpFault } from './sharp-faults.js'

/** Raster pictures and SVG, by sharp (libvips). */
export const imageEngine: Engine = {
  name: 'image',

  async probe() {
    const can = (name: string, way: 'input' | 'output') => {
      const key = name === 'avif' ? 'heif' : name
      return Object.entries(sharp.format).some(([id, format]) => id === key && format[way].file)
    }
    const names = formatCatalogue.filter(({ engine }) => engine === 'image').map(({ name }) => name)
    const writable = names.filter((name) => name in encoders && can(name, 'output'))
    const readable = names.filter((name) => can(name, 'input'))
    return {
      name: 'image',
      makes: Object.fromEntries(readable.map((name) => [name, writable])),
      versions: sharp.versions as Record<string, string>,
    }
  },

  inspect: (source) =>
    explained(source, async (): Promise<Inspection> => {
      const { metadata, width, height, pages } = await openPicture(source)
      return {
        width,
        height,
        pages,
        holds: [
          ...((metadata.orientation ?? 1) > 1 ? ['orientation'] : []),
          ...held(metadata),
          ...(pages > 1 ? ['pages'] : []),
        ],
      }
    }),

  convert: (source, plan, target, limits) =>
    explained(source, async (): Promise<Made> => {
      const encoder = encoders[plan.format]
      if (!encoder) throw new Error(`no encoder for ${plan.format}`)
      const picture = await openPicture(source)
      const pages = pagesToRead(picture, plan)
      refuseTooLarge(picture, pages, plan, limits)

      const keeps = plan.keep.includes('exif') && held(picture.metadata).length > 0
      const shaped = shape(picture, pages, plan, limits)
      const write = (from: Sharp) => encoder.encode(from, plan).toFile(target)
      let info = await write(keeps ? keepDescription(shaped.clone(), picture.metadata) : shaped)
      let kept = keeps ? await cleanWritten(target) : []
      if (!kept) {
        info = await write(shaped)
        kept = []
      }
      const pagesMade = info.pages ?? 1
      return {
        width: info.width,
        height: info.pageHeight ?? info.height / pagesMade,
        pages: pagesMade,
        kept: pagesMade > 1 ? [...kept, 'pages'] : kept,
        encoder: `${encoder.called} ${sharp.versions[encoder.library]}`,
        ...(plan.quality === undefined ? {} : { quality: plan.quality }),
      }
    }),

  preview: (rendition, { maxPixels }) =>
    explained(rendition, () => makePreview(rendition.path, maxPixels)),
}

/** All frames where the target plays them, all pages from TIFF to TIFF, else the first. */
function pagesToRead(picture: Picture, plan: RenditionPlan): number {
  const { pages, format } = picture
  if (pages === 1) return 1
  if (format.animates && formatNamed(plan.format).animates) return pages
  return format.name === 'tiff' && plan.format === 'tiff' && picture.pagesAreAlike ? pages : 1
}

function shape(picture: Picture, pages: number, plan: RenditionPlan, limits: EngineLimits): Sharp {
  const target = formatNamed(plan.format)
  const opened = picture.read({
    limitInputPixels: limits.maxPixels,
    ...(pages > 1 ? { pages } : {}),
  })
  // libvips cannot turn several pages at once, and animations carry no orientation.
  const upright = pages > 1 ? opened : opened.autoOrient()
  if (!target.alpha) upright.flatten({ background: '#ffffff' })
  if (target.deep && picture.metadata.depth === 'ushort') {
    upright.toColourspace(picture.metadata.space === 'grey16' ? 'grey16' : 'rgb16')
  }
  if (plan.width === undefined && plan.height === undefined) return upright
  // A drawing is drawn at the size it is resized to: sharp passes the scale on to librsvg.
  return upright.resize({
    ...(plan.width === undefined ? {} : { width: plan.width }),
    ...(plan.height === undefined ? {} : { height: plan.height }),
    fit: plan.fit,
    withoutEnlargement: !plan.enlarge && !picture.scalable,
    background: target.alpha ? { r: 0, g: 0, b: 0, alpha: 0 } : '#ffffff',
  })
}

async function explained<T>(source: SourceFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof HeraldError) throw error
    throw explainSharpFault(error, findFormat(source.format)?.name ?? source.format) ?? error
  }
}
