import type {
  Fit,
  Gravity,
  Keep,
  ReceivedConversionSpec,
  ReceivedRenditionSpec,
} from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { v7 as uuidv7, validate, version } from 'uuid'
import { type Abilities, listNames } from './abilities.js'
import { closestName } from './closest-name.js'
import type { BoxFit, Kept, Position, RenditionPlan } from './engines/engine.js'
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

const fits: Readonly<Record<Fit, BoxFit>> = {
  FIT_UNSPECIFIED: 'inside',
  FIT_INSIDE: 'inside',
  FIT_COVER: 'cover',
  FIT_CONTAIN: 'contain',
  FIT_FILL: 'fill',
  FIT_OUTSIDE: 'outside',
}

const positions: Readonly<Record<Gravity, Position>> = {
  GRAVITY_UNSPECIFIED: 'centre',
  GRAVITY_CENTRE: 'centre',
  GRAVITY_NORTH: 'north',
  GRAVITY_NORTHEAST: 'northeast',
  GRAVITY_EAST: 'east',
  GRAVITY_SOUTHEAST: 'southeast',
  GRAVITY_SOUTH: 'south',
  GRAVITY_SOUTHWEST: 'southwest',
  GRAVITY_WEST: 'west',
  GRAVITY_NORTHWEST: 'northwest',
  GRAVITY_ATTENTION: 'attention',
  GRAVITY_ENTROPY: 'entropy',
}

const keeps: Partial<Record<Keep, readonly Kept[]>> = {
  KEEP_EXIF: ['exif'],
  KEEP_ICC: ['icc'],
  KEEP_GPS: ['exif', 'gps'],
}

/** Checks all that can be checked before the file is there. Throws HeraldError. */
export function checkSpec(
  spec: ReceivedConversionSpec,
  abilities: Abilities,
  maxBytes: number,
): ConversionPlan {
  const { conversionId, fileName, sizeBytes, renditions } = spec
  if (conversionId !== '' && !(validate(conversionId) && version(conversionId) === 7)) {
    throw badSpec('The conversion id is not a UUIDv7.', 'Send one, or none to have one made.')
  }
  if (Buffer.byteLength(fileName) > maxFileNameBytes) {
    throw badSpec(`The file name is longer than ${maxFileNameBytes} bytes.`, 'Shorten it.')
  }
  if (renditions.length === 0) {
    throw badSpec('No rendition is asked for.', 'Name at least one target format.')
  }
  if (renditions.length > maxRenditions) {
    throw badSpec(
      `${renditions.length} renditions are asked for; one upload gives at most ${maxRenditions}.`,
      'Ask for the rest in a second conversion.',
    )
  }
  const plans = renditions.map((rendition, index) => checkRendition(rendition, index, abilities))
  const [trackedChanges = false, other] = new Set(renditions.map((each) => each.trackedChanges))
  if (other !== undefined) {
    throw badOption(
      'Some renditions show tracked changes and others do not.',
      'Ask for them in two conversions.',
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
    `This server takes files of at most ${describeBytes(maxBytes)}; this one ${size}.`,
    { remedy: 'Make the file smaller, or have HERALD_MAX_BYTES raised on the server.' },
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
  abilities: Abilities,
): RenditionPlan {
  const format = checkFormat(spec.format, abilities)
  checkRange('quality', spec.quality, 1, 100)
  checkRange('width', spec.width, 1, 65_535)
  checkRange('height', spec.height, 1, 65_535)
  checkRange('dpi', spec.dpi, 18, 1200)
  checkRange('rotation', spec.rotate, 0, 359)
  checkRange('effort', spec.effort, 0, 9)
  if (spec.page !== undefined && spec.everyPage) {
    throw badOption('Both one page and every page are asked for.', 'Ask for one of them.')
  }
  if (spec.background !== '' && !/^#[\da-f]{6}$/i.test(spec.background)) {
    throw badOption(
      `${JSON.stringify(spec.background.slice(0, 40))} is not a colour.`,
      'Write it as #rrggbb, such as #ffffff.',
    )
  }
  if (spec.maxBytes !== undefined && (format.defaultQuality === undefined || spec.lossless)) {
    const able = abilities.writable.filter(({ defaultQuality }) => defaultQuality !== undefined)
    throw badOption(
      `A limit of bytes is kept by lowering the quality, and ${spec.lossless ? 'lossless' : format.name} has none to lower.`,
      `Leave the limit out, or choose one of ${listNames(able)}.`,
    )
  }
  if (spec.maxBytes === 0) throw badOption('A limit of 0 bytes is asked for.', 'Ask for more.')
  if (spec.lossless && !format.lossless) {
    const able = abilities.writable.filter(({ lossless }) => lossless)
    throw badOption(
      `${format.name} cannot be encoded without loss; ${listNames(able)} can.`,
      'Leave lossless out, or choose one of these.',
    )
  }
  if (spec.lossless && spec.palette) {
    throw badOption(
      'Both a palette, which leaves out colours, and no loss are asked for.',
      'Leave out one of them.',
    )
  }
  if (/ATTENTION|ENTROPY/.test(spec.gravity) && spec.fit !== 'FIT_COVER') {
    throw badOption(
      'What draws the eye or holds detail is looked for only where something is cropped.',
      'Ask for the fit cover as well, or for a side such as north.',
    )
  }
  const { width, height } = spec
  const longest = Math.max(width ?? 0, height ?? 0)
  if (longest > format.maxSide) {
    throw badOption(
      `A ${format.name} picture has sides of at most ${format.maxSide.toLocaleString('en')} pixels; ${longest.toLocaleString('en')} are asked for.`,
      'Ask for less, or for another format such as png.',
    )
  }
  const quality = spec.lossless ? undefined : (spec.quality ?? format.defaultQuality)
  return {
    index,
    format: format.name,
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    fit: fits[spec.fit] ?? unknown('fit'),
    // A quality asked of a format that has none is not an error: the same options may go to several formats.
    ...(quality === undefined || format.defaultQuality === undefined ? {} : { quality }),
    lossless: spec.lossless,
    keep: spec.keep.flatMap((item) => keeps[item] ?? unknown('metadata to keep')),
    enlarge: spec.enlarge,
    ...(spec.page === undefined ? {} : { page: spec.page }),
    everyPage: spec.everyPage,
    ...(spec.dpi === undefined ? {} : { dpi: spec.dpi }),
    gravity: positions[spec.gravity] ?? unknown('gravity'),
    rotate: spec.rotate ?? 0,
    ...(spec.background === '' ? {} : { background: spec.background }),
    ...(spec.maxBytes === undefined ? {} : { maxBytes: spec.maxBytes }),
    ...(spec.effort === undefined ? {} : { effort: spec.effort }),
    palette: spec.palette,
  }
}

function checkFormat(name: string, { readable, writable }: Abilities): FormatDescription {
  const format = findFormat(name)
  if (format && writable.includes(format)) return format
  const shown = JSON.stringify(name.slice(0, 40))
  const names = listNames(writable)
  if (format && readable.includes(format)) {
    throw unknownFormat(`${format.name} can be read but not written here`, names)
  }
  const missing = unavailableFormats.find(({ extensions }) =>
    extensions.some((extension) => extension === name.toLowerCase()),
  )
  if (missing) throw unknownFormat(missing.reason.replace(/\.$/, ''), names)
  const meant = closestName(
    name,
    writable.map((known) => known.name),
  )
  const said = name === '' ? 'No target format is named' : `${shown} is not a format known here`
  throw unknownFormat(said, names, meant)
}

function unknownFormat(said: string, names: string, meant?: string): HeraldError {
  return new HeraldError('HERALD_UNKNOWN_FORMAT', `${said}; this server writes ${names}.`, {
    remedy: meant ? `Did you mean ${meant}?` : `Choose one of ${names}.`,
  })
}

function checkRange(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (value >= min && value <= max)) return
  const range = `${min.toLocaleString('en')} to ${max.toLocaleString('en')}`
  throw badOption(
    `The ${name} ${value.toLocaleString('en')} is out of range.`,
    `Choose a ${name} from ${range}.`,
  )
}

function unknown(what: string): never {
  throw badOption(`The ${what} is not one this server knows.`, 'Choose one of the contract.')
}

function badOption(message: string, remedy: string): HeraldError {
  return new HeraldError('HERALD_BAD_OPTION', message, { remedy })
}
