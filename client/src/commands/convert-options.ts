import type { Fit, Gravity, Keep } from '@herald/proto/converter'

/** What `herald convert` takes, as the command line was read. */
export interface ConvertCommandOptions {
  readonly to: readonly string[]
  readonly width?: number
  readonly height?: number
  readonly fit?: keyof typeof fits
  readonly gravity?: keyof typeof gravities
  readonly rotate?: number
  readonly background?: string
  readonly enlarge?: boolean
  readonly quality?: number
  readonly lossless?: boolean
  readonly effort?: number
  readonly maxBytes?: number
  readonly palette?: boolean
  readonly keep?: readonly Keep[]
  readonly page?: number | 'all'
  readonly dpi?: number
  readonly trackedChanges?: boolean
  /** A folder; `-`: standard output. */
  readonly out?: string
  readonly recursive?: boolean
  readonly force?: boolean
  readonly skipExisting?: boolean
  /** What standard input is called. */
  readonly name?: string
  /** Files at once. */
  readonly jobs?: number
  readonly dryRun?: boolean
  readonly notify?: readonly string[]
  /** False with --no-announce. */
  readonly announce: boolean
  readonly language?: string
  /** Wait for what becomes of the mails. */
  readonly wait?: boolean
  readonly json?: boolean
  /** Milliseconds for one file. */
  readonly timeout: number
}

/** The names of `--fit`. */
export const fits = {
  inside: 'FIT_INSIDE',
  cover: 'FIT_COVER',
  contain: 'FIT_CONTAIN',
  fill: 'FIT_FILL',
  outside: 'FIT_OUTSIDE',
} as const satisfies Record<string, Fit>

/** The names of `--gravity`. */
export const gravities = {
  centre: 'GRAVITY_CENTRE',
  center: 'GRAVITY_CENTRE',
  north: 'GRAVITY_NORTH',
  northeast: 'GRAVITY_NORTHEAST',
  east: 'GRAVITY_EAST',
  southeast: 'GRAVITY_SOUTHEAST',
  south: 'GRAVITY_SOUTH',
  southwest: 'GRAVITY_SOUTHWEST',
  west: 'GRAVITY_WEST',
  northwest: 'GRAVITY_NORTHWEST',
  attention: 'GRAVITY_ATTENTION',
  entropy: 'GRAVITY_ENTROPY',
} as const satisfies Record<string, Gravity>

/** The options that go to the converter; what was not said is left to it. */
export function specOf(options: ConvertCommandOptions) {
  const { width, height, fit, gravity, rotate, background, quality, effort, maxBytes } = options
  const { page, dpi } = options
  return {
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(fit === undefined ? {} : { fit: fits[fit] }),
    ...(gravity === undefined ? {} : { gravity: gravities[gravity] }),
    ...(rotate === undefined ? {} : { rotate }),
    ...(background === undefined ? {} : { background }),
    ...(quality === undefined ? {} : { quality }),
    ...(effort === undefined ? {} : { effort }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(typeof page === 'number' ? { page } : {}),
    ...(dpi === undefined ? {} : { dpi }),
    everyPage: page === 'all',
    lossless: options.lossless ?? false,
    palette: options.palette ?? false,
    trackedChanges: options.trackedChanges ?? false,
    enlarge: options.enlarge ?? false,
    keep: [...(options.keep ?? [])],
  }
}
