import type { ReceivedConversionSpec, ReceivedRenditionSpec } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { decodeOptionsFor, notKnown, unknownFormat } from '@herald/proto/target-formats'
import { v7 as uuidv7, validate, version } from 'uuid'
import type { Capabilities } from './capabilities.js'
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
  const names = capabilities.writable.map(({ name }) => name)
  const { quality: asked, ...settings } = decodeOptionsFor(format, spec, names)
  const { lossless } = settings
  // A quality for a format that has none is ignored: the same options may go to several formats.
  const quality = lossless || !format.defaultQuality ? undefined : (asked ?? format.defaultQuality)
  return { ...settings, index, format: format.name, ...(quality === undefined ? {} : { quality }) }
}

function checkFormat(name: string, { readable, writable }: Capabilities): FormatDescription {
  const format = findFormat(name)
  if (format && writable.includes(format)) return format
  const names = writable.map((known) => known.name)
  const refused = (problem: string, typed?: string) =>
    unknownFormat(problem, 'this server', names, typed)
  if (format && readable.includes(format)) {
    throw refused(`${format.name} can be read but not written`)
  }
  const missing = unavailableFormats.find(({ extensions }) =>
    extensions.some((extension) => extension === name.toLowerCase()),
  )
  if (missing) throw refused(missing.reason.replace(/\.$/, ''))
  throw refused(notKnown(name), name)
}

function badOption(message: string, remedy: string): HeraldError {
  return new HeraldError('HERALD_BAD_OPTION', message, { remedy })
}
