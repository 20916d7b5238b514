import type { Fit, Keep } from '@herald/proto/converter'

/** What `herald convert` takes, as the command line was read. */
export interface ConvertCommandOptions {
  readonly to: readonly string[]
  readonly width?: number
  readonly height?: number
  readonly fit?: keyof typeof fits
  readonly quality?: number
  readonly lossless?: boolean
  readonly enlarge?: boolean
  readonly keepMetadata?: boolean
  readonly out?: string
  readonly force?: boolean
  readonly notify?: readonly string[]
  readonly language?: string
  readonly json?: boolean
  /** Milliseconds for one file. */
  readonly timeout: number
}

const fits = {
  inside: 'FIT_INSIDE',
  cover: 'FIT_COVER',
  contain: 'FIT_CONTAIN',
  fill: 'FIT_FILL',
  outside: 'FIT_OUTSIDE',
} as const satisfies Record<string, Fit>

/** The options that go to the converter; what was not said is left to it. */
export function specOf(options: ConvertCommandOptions) {
  const { width, height, fit, quality } = options
  return {
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(fit === undefined ? {} : { fit: fits[fit] }),
    ...(quality === undefined ? {} : { quality }),
    lossless: options.lossless ?? false,
    enlarge: options.enlarge ?? false,
    keep: options.keepMetadata ? ['KEEP_EXIF' satisfies Keep as Keep] : [],
  }
}
