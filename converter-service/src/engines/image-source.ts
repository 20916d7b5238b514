import { type FormatDescription, formatNamed } from '../formats.js'
import { avifSequence } from './avif-sequence.js'
import { openBmp } from './bmp.js'
import type { SourceFile } from './engine.js'
import { decodeHevc, holdsHevc } from './heic.js'
import { openIco } from './ico.js'
import { exifUpright } from './location.js'
import { refuseMissingPage, refuseUnreadableFrame } from './pages.js'
import { sharpOf } from './pixels.js'
import { countPngFrames } from './png-frames.js'
import { type Metadata, type Sharp, type SharpOptions, sharp } from './sharp.js'
import { openSvg } from './svg.js'
import type { Size } from './target-size.js'
import { openTiff } from './tiff.js'

/** An uploaded picture whose header has been read. */
export interface Picture {
  readonly format: FormatDescription
  /** Of the page that was opened. */
  readonly metadata: Partial<Metadata>
  /** Of one page, upright. */
  readonly width: number
  readonly height: number
  /** Of the whole file, that can be read. */
  readonly pages: number
  /** Of the whole file, whether or not they can be read. */
  readonly frames: number
  /** Drawn, not sampled: it can be made larger without loss. */
  readonly scalable: boolean
  /** Begins to read its pixels: of the page that was opened, unless `options` name others. */
  read(options: ReadOptions): Promise<Sharp>
}

export interface ReadOptions extends SharpOptions {
  /** More than 8 bits per channel are of use. */
  readonly deep?: boolean
  /** The size to draw a drawing at; by default its own. */
  readonly drawnSize?: Size
}

// JPEGs from the wild are full of warnings that do no harm; what is missing or broken is an error.
const failOn = 'error'

/**
 * Reads the header of a picture, however large it says it is. Without `page` that is its main
 * one. Rejects with HERALD_BAD_OPTION when there is no such page.
 */
export function openPicture(source: SourceFile, page?: number): Promise<Picture> {
  switch (source.format) {
    case 'bmp':
      return openBmp(source.path, page)
    case 'ico':
      return openIco(source.path, page)
    case 'svg':
      return openSvg(source.path, page)
    case 'tiff':
      return openTiff(source.path, page)
    default:
      return openWithSharp(source, page)
  }
}

async function openWithSharp(source: SourceFile, page: number | undefined): Promise<Picture> {
  const format = formatNamed(source.format)
  // The limit is checked afterwards, with the figures in hand.
  const header: SharpOptions = { failOn, limitInputPixels: false }
  const sequence = format.name === 'avif' ? await avifSequence(source.path) : undefined
  const input = sequence?.still ?? source.path
  const first = await sharp(input, header).metadata()
  const pages = first.pages ?? 1
  const frames =
    sequence?.frames ?? (format.name === 'png' ? await countPngFrames(source.path) : pages)
  refuseUnreadableFrame(page, pages, frames, format.name)
  refuseMissingPage(page, pages)
  // A HEIF file says which of its pictures is the main one.
  const opened = page ?? first.pagePrimary ?? 0
  const metadata = opened === 0 ? first : await sharp(input, { ...header, page: opened }).metadata()
  const hevc = metadata.compression === 'hevc' && (await holdsHevc(source.path))
  return {
    format,
    metadata,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    pages,
    frames,
    scalable: false,
    read: async ({ deep = false, ...options }) => {
      if (hevc) return readHevc(source.path, opened, metadata, deep, options)
      return sharp(input, { failOn, ...(opened > 0 ? { page: opened } : {}), ...options })
    },
  }
}

async function readHevc(
  path: string,
  page: number,
  metadata: Metadata,
  deep: boolean,
  options: SharpOptions,
): Promise<Sharp> {
  const { icc, exif, xmp, hasAlpha, bitsPerSample = 8 } = metadata
  const pixels = await decodeHevc(path, page, { deep: deep && bitsPerSample > 8, alpha: hasAlpha })
  return sharpOf(
    {
      ...pixels,
      ...(icc ? { icc } : {}),
      // The pixels stand upright now: the orientation that EXIF tells would turn them again.
      ...(exif ? { exif: exifUpright(exif) } : {}),
      ...(xmp ? { xmp } : {}),
    },
    options,
  )
}
