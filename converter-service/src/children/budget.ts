import { HeraldError } from '@herald/proto/errors'
import type { Slowness } from '../engines/engine.js'
import { describeBytes } from '../limits.js'

/** The limits of one conversion. */
export interface Budget {
  /** While its tasks run; waiting does not count. */
  readonly timeoutMs: number
  /** Processor time of all its children and what they spawned. */
  readonly cpuMs: number
  /** Of one child, and what it spawned. */
  readonly memoryBytes: number
  /** Over all its renditions. */
  readonly maxOutputBytes: number
}

const requestLess = 'Request a smaller or simpler rendition, or one at a time.'

export function timeExceeded({ timeoutMs }: Budget, slowness?: Slowness): HeraldError {
  return tooSlow(`took longer than this server's limit of ${seconds(timeoutMs)}`, slowness)
}

export function cpuExceeded({ cpuMs }: Budget, slowness?: Slowness): HeraldError {
  return tooSlow(`used more processor time than this server's limit of ${seconds(cpuMs)}`, slowness)
}

function tooSlow(problem: string, { reason, remedy }: Partial<Slowness> = {}): HeraldError {
  const message = `The conversion ${problem}.`
  return new HeraldError('HERALD_TIMEOUT', reason ? `${message} ${reason}` : message, {
    remedy: remedy ?? requestLess,
  })
}

export function memoryExceeded({ memoryBytes }: Budget): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MUCH_MEMORY',
    `Converting this file takes more memory than this server's limit of ${describeBytes(memoryBytes)}.`,
    { remedy: 'Make the picture smaller, or request a smaller rendition.' },
  )
}

export function outputExceeded({ maxOutputBytes }: Budget): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MUCH_OUTPUT',
    `The renditions are larger than this server's limit of ${describeBytes(maxOutputBytes)} for one file.`,
    { remedy: 'Request fewer or smaller renditions, or a format that compresses more.' },
  )
}

/** `1 s`, `0.7 s` */
export function seconds(ms: number): string {
  const value = ms / 1000
  return `${value >= 10 ? Math.round(value).toLocaleString('en') : Number(value.toFixed(1))} s`
}
