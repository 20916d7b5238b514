import { closestName } from './closest-name.js'
import type { RenditionSpec } from './converter.js'
import { HeraldError } from './errors.js'
import {
  decodeOptions,
  givenOptions,
  invalidOption,
  type RenditionSettings,
} from './option-values.js'
import { appliesTo, flagOf, type RenditionOption, renditionOptions } from './rendition-options.js'

/** A format that files can be converted to. */
export interface TargetFormat {
  readonly name: string
  /** The usual one first, without dots. All are accepted as names of the format. */
  readonly extensions: readonly string[]
  /** The longest side the format can hold, in pixels. */
  readonly maxSide: number
}

/**
 * The formats that converters of this version write, by name; an engine that is not installed may be
 * missing on one. The side limits are those of the formats (JPEG: 16 bits, WebP: 14 bits) and of
 * libheif's encoder.
 */
export const targetFormats = {
  jpeg: { name: 'jpeg', extensions: ['jpg', 'jpeg', 'jpe', 'jfif'], maxSide: 65_535 },
  png: { name: 'png', extensions: ['png'], maxSide: 65_535 },
  webp: { name: 'webp', extensions: ['webp'], maxSide: 16_383 },
  avif: { name: 'avif', extensions: ['avif'], maxSide: 16_384 },
  gif: { name: 'gif', extensions: ['gif'], maxSide: 65_535 },
  tiff: { name: 'tiff', extensions: ['tif', 'tiff'], maxSide: 65_535 },
  pdf: { name: 'pdf', extensions: ['pdf'], maxSide: 65_535 },
} as const satisfies Record<string, TargetFormat>

export const targetNames: readonly string[] = Object.keys(targetFormats)

/** What people may write as a format: `jpeg`, `.JPG`. */
export const formatName = (typed: string) => typed.trim().toLowerCase().replace(/^\./, '')

/** The target format of that name or extension. Throws HERALD_UNKNOWN_FORMAT. */
export function targetFormat(typed: string): TargetFormat {
  const name = formatName(typed)
  const found = Object.values<TargetFormat>(targetFormats).find(
    (format) => format.name === name || format.extensions.includes(name),
  )
  if (found) return found
  const problem =
    typed === '' ? notKnown(typed) : `Herald does not write ${JSON.stringify(typed.slice(0, 40))}`
  throw unknownFormat(problem, 'it', targetNames, typed)
}

export const notKnown = (typed: string) =>
  typed === ''
    ? 'No target format is given'
    : `${JSON.stringify(typed.slice(0, 40))} is not a known format`

/** HERALD_UNKNOWN_FORMAT with the names that `writer` knows, and the one that `typed` may stand for. */
export function unknownFormat(
  problem: string,
  writer: string,
  names: readonly string[],
  typed?: string,
): HeraldError {
  const suggestion = typed === undefined ? undefined : closestName(typed, names)
  const list = names.join(', ')
  return new HeraldError('HERALD_UNKNOWN_FORMAT', `${problem}; ${writer} writes ${list}.`, {
    remedy: suggestion ? `Did you mean ${suggestion}?` : `Choose one of ${list}.`,
  })
}

/**
 * The options of `spec`, checked for that format. Throws HERALD_BAD_OPTION for a value that is not
 * valid, for options that exclude each other or the format; then names those of `writable` that can
 * be used.
 */
export function decodeOptionsFor(
  { name: format, maxSide }: TargetFormat,
  spec: RenditionSpec,
  writable: readonly string[] = targetNames,
): RenditionSettings {
  const settings = decodeOptions(spec)
  for (const option of givenOptions(spec)) {
    const row: RenditionOption = renditionOptions[option]
    if (row.otherFormats !== 'refused' || appliesTo(option, format)) continue
    const able = writable.filter((name) => appliesTo(option, name)).join(', ')
    throw new HeraldError(
      'HERALD_BAD_OPTION',
      `The option ${flagOf(option)} cannot be used for ${format}, only for ${able}.`,
      { remedy: 'Leave it out, or choose one of these formats.' },
    )
  }
  const { width = 0, height = 0, fit, gravity } = settings
  if ((gravity === 'attention' || gravity === 'entropy') && fit !== 'cover') {
    throw new HeraldError(
      'HERALD_BAD_OPTION',
      `The gravity ${gravity} chooses what is cropped, and only the fit cover crops.`,
      { remedy: 'Use the fit cover, or a gravity such as north.' },
    )
  }
  const longest = Math.max(width, height)
  if (longest > maxSide) {
    const side = width >= height ? 'width' : 'height'
    throw invalidOption(side, longest, `a whole number from 1 to ${maxSide} for ${format}`)
  }
  return settings
}
