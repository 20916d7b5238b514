import { documentFormats } from './document-formats.js'

/** A file format as Herald knows it, whether or not an engine here can handle it. */
export interface FormatDescription {
  readonly name: string
  readonly mediaType: string
  /** The usual one first, without dots. All are accepted as names of the format. */
  readonly extensions: readonly string[]
  /** 1 to 100; absent where the format has no quality. */
  readonly defaultQuality?: number
  /** The longest side the format can hold, in pixels. */
  readonly maxSide: number
  /** Holds several frames that play one after another. */
  readonly animates: boolean
  /** Holds several pages. */
  readonly paged: boolean
  /** Can be see-through. */
  readonly alpha: boolean
  /** Can hold 16 bits per channel. */
  readonly deep: boolean
  readonly engine: string
}

const image = {
  engine: 'image',
  animates: false,
  paged: false,
  alpha: true,
  deep: false,
} as const

/**
 * The formats there is an engine for, in the order they are shown.
 * Qualities are chosen to look right to people at a fair size; the side limits are those of
 * the formats (JPEG: 16 bits, WebP: 14 bits) and of libheif's encoder.
 */
export const formatCatalogue: readonly FormatDescription[] = [
  {
    ...image,
    name: 'jpeg',
    mediaType: 'image/jpeg',
    extensions: ['jpg', 'jpeg', 'jpe', 'jfif'],
    alpha: false,
    defaultQuality: 82,
    maxSide: 65_535,
  },
  {
    ...image,
    name: 'png',
    mediaType: 'image/png',
    extensions: ['png'],
    deep: true,
    maxSide: 65_535,
  },
  {
    ...image,
    name: 'webp',
    mediaType: 'image/webp',
    extensions: ['webp'],
    defaultQuality: 80,
    maxSide: 16_383,
    animates: true,
  },
  {
    ...image,
    name: 'avif',
    mediaType: 'image/avif',
    extensions: ['avif'],
    defaultQuality: 55,
    maxSide: 16_384,
  },
  {
    ...image,
    name: 'gif',
    mediaType: 'image/gif',
    extensions: ['gif'],
    maxSide: 65_535,
    animates: true,
  },
  {
    ...image,
    name: 'tiff',
    mediaType: 'image/tiff',
    extensions: ['tif', 'tiff'],
    paged: true,
    deep: true,
    maxSide: 65_535,
  },
  {
    ...image,
    name: 'heic',
    mediaType: 'image/heic',
    extensions: ['heic', 'heif'],
    paged: true,
    deep: true,
    maxSide: 65_535,
  },
  {
    ...image,
    name: 'bmp',
    mediaType: 'image/bmp',
    extensions: ['bmp', 'dib'],
    maxSide: 65_535,
  },
  {
    ...image,
    name: 'ico',
    mediaType: 'image/vnd.microsoft.icon',
    extensions: ['ico'],
    paged: true,
    maxSide: 65_535,
  },
  {
    ...image,
    name: 'svg',
    mediaType: 'image/svg+xml',
    extensions: ['svg', 'svgz'],
    maxSide: 65_535,
  },
  {
    ...image,
    engine: 'pdf',
    name: 'pdf',
    mediaType: 'application/pdf',
    extensions: ['pdf'],
    paged: true,
    maxSide: 65_535,
  },
  ...documentFormats,
]

const byName = new Map<string, FormatDescription>()
for (const format of formatCatalogue) {
  for (const name of [format.name, ...format.extensions]) byName.set(name, format)
}

/** The format of that name, extension or alias, in any case of letters, with or without a dot. */
export function findFormat(name: string): FormatDescription | undefined {
  return byName.get(name.trim().toLowerCase().replace(/^\./, ''))
}

/** The format of exactly that name. Throws on a name that is not in the catalogue: a defect. */
export function formatNamed(name: string): FormatDescription {
  const format = byName.get(name)
  if (!format) throw new Error(`no format is called ${name}`)
  return format
}

/** Formats people ask for and no engine here handles: name, media type, extensions, why. */
export const unavailableFormats: readonly {
  readonly name: string
  readonly mediaType: string
  readonly extensions: readonly string[]
  readonly reason: string
}[] = [
  {
    name: 'jxl',
    mediaType: 'image/jxl',
    extensions: ['jxl'],
    reason: 'The image library of this server comes without JPEG XL.',
  },
]
