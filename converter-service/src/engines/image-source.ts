import { HeraldError } from '@herald/proto/errors'
import { type FormatDescription, formatNamed } from '../formats.js'
import type { SourceFile } from './engine.js'
import { type Metadata, type Sharp, type SharpOptions, sharp } from './sharp.js'

/** An uploaded picture whose header has been read. */
export interface Picture {
  readonly format: FormatDescription
  readonly metadata: Metadata
  /** Of one page, upright. */
  readonly width: number
  readonly height: number
  readonly pages: number
  /** All pages are of one size, so that they can be read together. */
  readonly pagesAreAlike: boolean
  /** Drawn, not sampled: it can be made larger without loss. */
  readonly scalable: boolean
  /** Begins to read its pixels. */
  read(options: SharpOptions): Sharp
}

// JPEGs from the wild are full of warnings that do no harm; what is missing or broken is an error.
const failOn = 'error'

/** Reads the header of a picture, however large it says it is. */
export async function openPicture(source: SourceFile): Promise<Picture> {
  const format = formatNamed(source.format)
  // The limit is checked afterwards, with the figures in hand.
  const header: SharpOptions = { failOn, limitInputPixels: false }
  const first = await sharp(source.path, header).metadata()
  if (first.compression === 'hevc') {
    throw new HeraldError(
      'HERALD_UNSUPPORTED_FILE',
      'This is a HEIC picture (HEVC-coded), which this server cannot read.',
      { remedy: 'Export it as JPEG first.' },
    )
  }
  // A HEIF file says which of its pictures is the main one.
  const page: SharpOptions = first.pagePrimary ? { page: first.pagePrimary } : {}
  const metadata = first.pagePrimary
    ? await sharp(source.path, { ...header, ...page }).metadata()
    : first
  const pages = metadata.pages ?? 1
  return {
    format,
    metadata,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    pages,
    pagesAreAlike: format.name !== 'tiff' || pages === 1 || (await canReadAll(source.path, header)),
    scalable: format.name === 'svg',
    read: (options) => sharp(source.path, { failOn, ...page, ...options }),
  }
}

async function canReadAll(path: string, header: SharpOptions): Promise<boolean> {
  try {
    await sharp(path, { ...header, pages: -1 }).metadata()
    return true
  } catch {
    return false
  }
}
