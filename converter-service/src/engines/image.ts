import { HeraldError } from '@herald/proto/errors'
import { findFormat, formatNamed, formatsOf } from '../formats.js'
import type { Engine, Inspection, SourceFile } from './engine.js'
import { encoders } from './image/encoders.js'
import { libheifVersion } from './image/heic.js'
import { makeRendition } from './image/make-rendition.js'
import { heldMetadata } from './image/metadata.js'
import { openPicture } from './image/open-picture.js'
import { makePreview } from './image/preview.js'
import { sharp } from './image/sharp.js'
import { explainSharpError } from './image/sharp-errors.js'
import { keepsPages } from './image/target-size.js'
import { makeTiffOfPages } from './image/tiff-of-pages.js'

/** sharp's names of formats, where they differ. */
const nameInSharp: Readonly<Record<string, string>> = { avif: 'heif', heic: 'heif' }
/** Formats with decoders of our own. */
const ownDecoders = new Set(['bmp', 'ico'])

/** Raster pictures and SVG, by sharp (libvips) and, for formats it cannot read, by other decoders. */
export const imageEngine: Engine = {
  name: 'image',

  async probe() {
    const can = (name: string, way: 'input' | 'output') => {
      const key = nameInSharp[name] ?? name
      return Object.entries(sharp.format).some(([id, format]) => id === key && format[way].file)
    }
    const names = formatsOf(imageEngine.name).map(({ name }) => name)
    const writable = names.filter((name) => name in encoders && can(name, 'output'))
    const readable = names.filter((name) => ownDecoders.has(name) || can(name, 'input'))
    return {
      makes: Object.fromEntries(readable.map((name) => [name, writable])),
      versions: { ...sharp.versions, 'libheif-js': libheifVersion() } as Record<string, string>,
    }
  },

  inspect: (source) =>
    explained(source, async (): Promise<Inspection> => {
      const picture = await openPicture(source)
      const { metadata, width, height, pages, frames } = picture
      const slowness = picture.slowness?.()
      return {
        width,
        height,
        pages,
        holds: [
          ...((metadata.orientation ?? 1) > 1 ? ['orientation'] : []),
          ...heldMetadata(metadata),
          ...(frames > 1 ? ['pages'] : []),
        ],
        ...(slowness ? { slowness } : {}),
      }
    }),

  convert: (source, plan, target, limits, options) =>
    explained(source, async () => {
      const picture = await openPicture(source, plan.page)
      const { pages, format } = picture
      const isPaged = format.paged && keepsPages(format, formatNamed(plan.format))
      if (!isPaged || pages === 1 || plan.page !== undefined) {
        return makeRendition(picture, plan, target, limits, options)
      }
      return makeTiffOfPages(pages, plan, target, limits, async (ofPage, path) =>
        makeRendition(await openPicture(source, ofPage.page), ofPage, path, limits),
      )
    }),

  preview: (rendition, { maxPixels }) =>
    explained(rendition, () =>
      makePreview(() => sharp(rendition.path, { failOn: 'error', limitInputPixels: maxPixels })),
    ),
}

async function explained<T>(source: SourceFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof HeraldError) throw error
    throw explainSharpError(error, findFormat(source.format)?.name ?? source.format) ?? error
  }
}
