import type { ReceivedConversionSpec, ReceivedRenditionSpec } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { decodeOptions, givenOptions, invalidOption } from '@herald/proto/option-values'
import {
  appliesTo,
  flagOf,
  type RenditionOption,
  renditionOptions,
} from '@herald/proto/rendition-options'
import { v7 as uuidv7, validate, version } from 'uuid'
import { type Capabilities, listNames } from './capabilities.js'
import { closestName } from './closest-name.js'
import type { RenditionPlan } from './engines/engine.js'
import { type FormatDescription, findFormat, unavailableFormats } from './formats.js'
import { describeBytes, maxFileNameBytes, maxRenditions } from './limits.js'

/** A conversion spec whose every value has been checked. */
export interface ConversionPlan {
  readonly conversionId: string
  readonly fileName: string
  readonly sizeBytes: number | undefined
  readonly renditions: readonly RenditionPlan[]
  /** Of a document: tracked changes are shown instead of accepted. */
  readonly trackedChanges: boolean
}

/** Checks all that can be checked before the file is there. Throws HeraldError. */
export function checkSpec(
  spec: ReceivedConversionSpec,
  capabilities: Capabilities,
  maxBytes: number,
): ConversionPlan {
  const { conversionId, fileName, sizeBytes, renditions } = spec
  if (conversionId !== '' && !(validate(conversionId) && version(conversionId) === 7)) {
    throw badSpec(
      'The conversion id is not a UUIDv7.',
      'Send a UUIDv7, or leave the id out and the server makes one.',
    )
  }
  if (Buffer.byteLength(fileName) > maxFileNameBytes) {
    throw badSpec(`The file name is longer than ${maxFileNameBytes} bytes.`, 'Shorten it.')
  }
  if (renditions.length === 0) {
    throw badSpec('No rendition is requested.', 'Name at least one target format.')
  }
  if (renditions.length > maxRenditions) {
    throw badSpec(
      `${renditions.length} renditions are requested; the limit for one upload is ${maxRenditions}.`,
      'Request the rest in a second conversion.',
    )
  }
  const plans = renditions.map((rendition, index) => checkRendition(rendition, index, capabilities))
  const [trackedChanges = false, other] = new Set(renditions.map((each) => each.trackedChanges))
  if (other !== undefined) {
    throw badOption(
      'Some renditions show tracked changes and others do not.',
      'Request them in two conversions.',
    )
  }
  if (sizeBytes !== undefined && sizeBytes > maxBytes) throw tooManyBytes(sizeBytes, maxBytes)
  if (sizeBytes === 0) throw emptyFile()
  return {
    conversionId: conversionId || uuidv7(),
    fileName,
    sizeBytes,
    renditions: plans,
    trackedChanges,
  }
}

export function tooManyBytes(sizeBytes: number | undefined, maxBytes: number): HeraldError {
  const size = sizeBytes === undefined ? 'is larger than that' : `has ${describeBytes(sizeBytes)}`
  return new HeraldError(
    'HERALD_TOO_MANY_BYTES',
    `This server accepts files of at most ${describeBytes(maxBytes)}; this one ${size}.`,
    { remedy: 'Make the file smaller, or raise HERALD_MAX_BYTES on the server.' },
  )
}

export function emptyFile(): HeraldError {
  return new HeraldError('HERALD_EMPTY_FILE', 'The file is empty: it has no bytes.', {
    remedy: 'Check that it was saved or downloaded completely.',
  })
}

export function badSpec(message: string, remedy: string): HeraldError {
  return new HeraldError('HERALD_BAD_SPEC', message, { remedy })
}

function checkRendition(
  spec: ReceivedRenditionSpec,
  index: number,
  capabilities: Capabilities,
): RenditionPlan {
  const format = checkFormat(spec.format, capabilities)
  const { quality: asked, ...settings } = decodeOptions(spec)
  refuseForFormat(spec, format, capabilities)
  const { width = 0, height = 0, fit, gravity, lossless } = settings
  if ((gravity === 'attention' || gravity === 'entropy') && fit !== 'cover') {
    throw badOption(
      `The gravity ${gravity} chooses what is cropped, and only the fit cover crops.`,
      'Use the fit cover, or a gravity such as north.',
    )
  }
  const longest = Math.max(width, height)
  if (longest > format.maxSide) {
    const name = width >= height ? 'width' : 'height'
    throw invalidOption(
      name,
      longest,
      `a whole number from 1 to ${format.maxSide} for ${format.name}`,
    )
  }
  // A quality for a format that has none is ignored: the same options may go to several formats.
  const quality = lossless || !format.defaultQuality ? undefined : (asked ?? format.defaultQuality)
  return { ...settings, index, format: format.name, ...(quality === undefined ? {} : { quality }) }
}

/** Refuses the options that the format does not support. */
function refuseForFormat(
  spec: ReceivedRenditionSpec,
  { name: format }: FormatDescription,
  { writable }: Capabilities,
): void {
  for (const option of givenOptions(spec)) {
    const row: RenditionOption = renditionOptions[option]
    if (row.otherFormats !== 'refused' || appliesTo(option, format)) continue
    const able = listNames(writable.filter(({ name }) => appliesTo(option, name)))
    throw badOption(
      `The option ${flagOf(option)} cannot be used for ${format}, only for ${able}.`,
      'Leave it out, or choose one of these formats.',
    )
  }
}

function checkFormat(name: string, { readable, writable }: Capabilities): FormatDescription {
  const format = findFormat(name)
  if (format && writable.includes(format)) return format
  const shown = JSON.stringify(name.slice(0, 40))
  const names = listNames(writable)
  if (format && readable.includes(format)) {
    throw unknownFormat(`${format.name} can be read but not written`, names)
  }
  const missing = unavailableFormats.find(({ extensions }) =>
    extensions.some((extension) => extension === name.toLowerCase()),
  )
  if (missing) throw unknownFormat(missing.reason.replace(/\.$/, ''), names)
  const suggestion = closestName(
    name,
    writable.map((known) => known.name),
  )
  const problem = name === '' ? 'No target format is given' : `${shown} is not a known format`
  throw unknownFormat(problem, names, suggestion)
}

function unknownFormat(problem: string, names: string, suggestion?: string): HeraldError {
  return new HeraldError('HERALD_UNKNOWN_FORMAT', `${problem}; this server writes ${names}.`, {
    remedy: suggestion ? `Did you mean ${suggestion}?` : `Choose one of ${names}.`,
  })
}

function badOption(message: string, remedy: string): HeraldError {
  return new HeraldError('HERALD_BAD_OPTION', message, { remedy })
}
