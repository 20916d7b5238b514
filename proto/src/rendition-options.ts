import type { RenditionSpec } from './converter.js'
import {
  byteCount,
  colour,
  enumName,
  flag,
  integer,
  metadata,
  type OptionType,
  page,
} from './option-types.js'

/** The options of a rendition as the contract carries them. */
export type RenditionOptions = Omit<RenditionSpec, 'format' | `_${string}`>

export interface RenditionOption {
  readonly type: OptionType
  /** Its heading in the CLI's help. */
  readonly group: 'Picture' | 'Encoding' | 'Pages'
  /** The name of its value in the CLI's help; absent: it takes none. */
  readonly argument?: string
  readonly help: string
  /** What the converter uses if the option is not given. */
  readonly default?: unknown
  /** The same in words, if it depends on something. */
  readonly defaultText?: string
  /** The target formats that it applies to. Absent: all. */
  readonly formats?: readonly string[]
  /** With other target formats it is refused. Absent: it is ignored. */
  readonly otherFormats?: 'refused'
  /** The options that cannot be given together with it. */
  readonly excludes?: readonly string[]
  /** The page has a field for it: among the first ones, or under "More options". */
  readonly form?: 'first' | 'more'
  /** Its field is a checkbox with this value. */
  readonly checkbox?: string
  /** The label of its field in each language of the page. */
  readonly label?: Readonly<Record<string, string>>
}

/** The dots per inch at which a page is drawn. */
export const defaultDpi = 150

/**
 * Every option of a rendition, under its name in the contract. The CLI's flags, help and completion,
 * the page's form, the converter's checks and docs/options.md are made from this table.
 */
export const renditionOptions = {
  width: {
    type: integer(1, 65_535),
    group: 'Picture',
    argument: 'pixels',
    help: 'width of the box that the picture is made to fit',
    defaultText: 'in proportion to the height, else unchanged',
    form: 'first',
    label: { en: 'Width', ru: 'Ширина', zh: '宽度' },
  },
  height: {
    type: integer(1, 65_535),
    group: 'Picture',
    argument: 'pixels',
    help: 'height of that box',
    defaultText: 'in proportion to the width, else unchanged',
    form: 'first',
    label: { en: 'Height', ru: 'Высота', zh: '高度' },
  },
  fit: {
    type: enumName('FIT', ['inside', 'cover', 'contain', 'fill', 'outside']),
    group: 'Picture',
    argument: 'how',
    help: 'how it fits a box of width and height',
    default: 'inside',
  },
  gravity: {
    type: enumName(
      'GRAVITY',
      [
        'centre',
        'north',
        'northeast',
        'east',
        'southeast',
        'south',
        'southwest',
        'west',
        'northwest',
        'attention',
        'entropy',
      ],
      { center: 'centre' },
    ),
    group: 'Picture',
    argument: 'part',
    help: 'the part that --fit cover keeps, and where --fit contain puts the picture',
    default: 'centre',
  },
  rotate: {
    type: integer(0, 359),
    group: 'Picture',
    argument: 'degrees',
    help: 'turn the picture clockwise',
    default: 0,
  },
  background: {
    type: colour,
    group: 'Picture',
    argument: 'colour',
    help: 'colour behind transparent and empty areas: ffffff, #f80, black',
    defaultText: 'white if the format has no transparency, else none',
  },
  enlarge: {
    type: flag,
    group: 'Picture',
    help: 'allow the picture to become larger than it is',
    default: false,
  },
  quality: {
    type: integer(1, 100),
    group: 'Encoding',
    argument: '1-100',
    help: 'quality of the encoder; the most, with --max-bytes',
    defaultText: "the format's own",
    formats: ['jpeg', 'webp', 'avif'],
    form: 'first',
    label: { en: 'Quality', ru: 'Качество', zh: '质量' },
  },
  maxBytes: {
    type: byteCount,
    group: 'Encoding',
    argument: 'amount',
    help: 'use the best quality that fits: 500k, 2M',
    defaultText: 'no limit',
    formats: ['jpeg', 'webp', 'avif'],
    otherFormats: 'refused',
    excludes: ['lossless'],
  },
  lossless: {
    type: flag,
    group: 'Encoding',
    help: 'encode without loss',
    default: false,
    formats: ['png', 'webp', 'avif', 'tiff', 'pdf'],
    otherFormats: 'refused',
    excludes: ['palette'],
    form: 'more',
    label: {
      en: 'Lossless, if the format supports it',
      ru: 'Без потерь, если формат это поддерживает',
      zh: '无损（格式支持时）',
    },
  },
  effort: {
    type: integer(0, 9),
    group: 'Encoding',
    argument: '0-9',
    help: 'how hard the encoder tries: 0 is fast, 9 is small',
    defaultText: "the format's own",
    formats: ['png', 'webp', 'avif', 'gif'],
  },
  palette: {
    type: flag,
    group: 'Encoding',
    help: 'reduce the picture to at most 256 colours (GIF always is)',
    default: false,
    formats: ['png'],
  },
  keep: {
    type: metadata,
    group: 'Encoding',
    argument: 'what',
    help: 'metadata to keep, separated by commas; gps is the location, all is exif,icc',
    default: [],
    defaultText: 'none',
    form: 'more',
    checkbox: 'exif',
    label: {
      en: 'Keep camera data (EXIF), without the location',
      ru: 'Сохранить данные камеры (EXIF) без места съёмки',
      zh: '保留相机信息（不含位置）',
    },
  },
  page: {
    type: page,
    group: 'Pages',
    argument: 'n|all',
    help: 'one page or frame (the first is 1), or all: one file for each',
    defaultText: 'every page if the format holds several, else the first',
    form: 'more',
    checkbox: 'all',
    label: {
      en: 'One file for each page',
      ru: 'Отдельный файл для каждой страницы',
      zh: '每页一个文件',
    },
  },
  dpi: {
    type: integer(18, 1200),
    group: 'Pages',
    argument: '18-1200',
    help: 'resolution at which the page of a document or PDF is drawn, if no size is given',
    defaultText: `${defaultDpi}; for a picture that becomes a PDF that of its file`,
  },
  trackedChanges: {
    type: flag,
    group: 'Pages',
    help: "show a document's tracked changes instead of accepting them",
    default: false,
    form: 'more',
    label: { en: 'Show tracked changes', ru: 'Показать исправления', zh: '显示修订' },
  },
} as const satisfies Record<Exclude<keyof RenditionOptions, 'everyPage'>, RenditionOption>

export type OptionName = keyof typeof renditionOptions

/** The rows of the table in its order. */
export const optionRows = Object.entries(renditionOptions) as readonly (readonly [
  OptionName,
  RenditionOption,
])[]

/** How people write an option's name: `tracked-changes`. */
export const flagOf = (name: string) =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Whether the option applies to files of that format. */
export function appliesTo(name: OptionName, format: string): boolean {
  const { formats }: RenditionOption = renditionOptions[name]
  return formats?.includes(format) ?? true
}
