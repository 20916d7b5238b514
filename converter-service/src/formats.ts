import { formatName, type TargetFormat, targetFormats } from '@herald/proto/target-formats'

/** A file format as Herald knows it, whether or not an engine here can handle it. */
export interface FormatDescription extends TargetFormat {
  readonly mediaType: string
  /** 1 to 100; absent if the format has no quality. */
  readonly defaultQuality?: number
  /** Supports animation. */
  readonly animates: boolean
  /** Supports several pages. */
  readonly paged: boolean
  /** Supports transparency. */
  readonly alpha: boolean
  /** Supports 16 bits per channel. */
  readonly deep: boolean
  /** `pixels`, a `drawing` that is sharp at any size, or `sheets` of a given size on paper. */
  readonly content: 'pixels' | 'drawing' | 'sheets'
  /** The name of the engine that reads it. */
  readonly engine: string
}

const image = {
  engine: 'image',
  content: 'pixels',
  animates: false,
  paged: false,
  alpha: true,
  deep: false,
} as const

const office = 'application/vnd.openxmlformats-officedocument'
const openDocument = 'application/vnd.oasis.opendocument'

const document = {
  engine: 'document',
  content: 'sheets',
  animates: false,
  paged: true,
  alpha: false,
  deep: false,
  maxSide: 65_535,
} as const

function documentFormat(name: string, mediaType: string, ...extensions: string[]) {
  return { ...document, name, mediaType, extensions }
}

/**
 * The formats there is an engine for, in the order they are shown.
 * Qualities are chosen to look right to people at a fair size.
 */
export const formatCatalogue: readonly FormatDescription[] = [
  {
    ...image,
    ...targetFormats.jpeg,
    mediaType: 'image/jpeg',
    alpha: false,
    defaultQuality: 82,
  },
  {
    ...image,
    ...targetFormats.png,
    mediaType: 'image/png',
    deep: true,
  },
  {
    ...image,
    ...targetFormats.webp,
    mediaType: 'image/webp',
    defaultQuality: 80,
    animates: true,
  },
  {
    ...image,
    ...targetFormats.avif,
    mediaType: 'image/avif',
    defaultQuality: 55,
  },
  {
    ...image,
    ...targetFormats.gif,
    mediaType: 'image/gif',
    animates: true,
  },
  {
    ...image,
    ...targetFormats.tiff,
    mediaType: 'image/tiff',
    paged: true,
    deep: true,
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
    content: 'drawing',
    name: 'svg',
    mediaType: 'image/svg+xml',
    extensions: ['svg', 'svgz'],
    maxSide: 65_535,
  },
  {
    ...image,
    engine: 'pdf',
    content: 'sheets',
    ...targetFormats.pdf,
    mediaType: 'application/pdf',
    paged: true,
  },
  documentFormat('docx', `${office}.wordprocessingml.document`, 'docx', 'docm', 'dotx'),
  documentFormat('doc', 'application/msword', 'doc', 'dot'),
  documentFormat('xlsx', `${office}.spreadsheetml.sheet`, 'xlsx', 'xlsm', 'xltx'),
  documentFormat('xls', 'application/vnd.ms-excel', 'xls', 'xlt'),
  documentFormat('pptx', `${office}.presentationml.presentation`, 'pptx', 'pptm', 'ppsx'),
  documentFormat('ppt', 'application/vnd.ms-powerpoint', 'ppt', 'pps'),
  documentFormat('odt', `${openDocument}.text`, 'odt', 'ott'),
  documentFormat('ods', `${openDocument}.spreadsheet`, 'ods', 'ots'),
  documentFormat('odp', `${openDocument}.presentation`, 'odp', 'otp'),
  documentFormat('rtf', 'application/rtf', 'rtf'),
  documentFormat('html', 'text/html', 'html', 'htm', 'xhtml'),
  documentFormat('markdown', 'text/markdown', 'md', 'markdown', 'mdown'),
  documentFormat('csv', 'text/csv', 'csv', 'tsv'),
  documentFormat('text', 'text/plain', 'txt', 'text', 'log'),
]

const byName = new Map<string, FormatDescription>()
for (const format of formatCatalogue) {
  for (const name of [format.name, ...format.extensions]) byName.set(name, format)
}

/** The format of that name, extension or alias, in any case of letters, with or without a dot. */
export function findFormat(name: string): FormatDescription | undefined {
  return byName.get(formatName(name))
}

/** The formats that the engine of that name may read or write. */
export function formatsOf(engine: string): FormatDescription[] {
  return formatCatalogue.filter((format) => format.engine === engine)
}

/** The format of exactly that name. Throws on a name that is not in the catalogue: a defect. */
export function formatNamed(name: string): FormatDescription {
  const format = byName.get(name)
  if (!format) throw new Error(`no format is called ${name}`)
  return format
}

/** Formats that no engine handles, to be listed with the reason. */
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
    reason: "This server's image library does not support JPEG XL.",
  },
]
