import { HeraldError } from '@herald/proto/errors'
import type { Slowness } from '../engines/engine.js'
import { describeBytes } from '../limits.js'

/** The limits of one conversion. */
export interface Budget {
  /** While its tasks run; waiting does not count. */
  readonly timeoutMs: number
  /** Processor time of all its workers and what they spawned. */
  readonly cpuMs: number
  /** Of one worker, and what it spawned. */
  readonly memoryBytes: number
  /** Over all its renditions. */
  readonly maxOutputBytes: number
}

const askLess = 'Ask for a smaller or simpler rendition, or for one at a time.'

export function tookTooLong({ timeoutMs }: Budget, slowness?: Slowness): HeraldError {
  return tooSlow(`took longer than the ${seconds(timeoutMs)}`, slowness)
}

export function usedTooMuchCpu({ cpuMs }: Budget, slowness?: Slowness): HeraldError {
  return tooSlow(`used more than the ${seconds(cpuMs)} of processor time`, slowness)
}

function tooSlow(limit: string, { reason, remedy }: Partial<Slowness> = {}): HeraldError {
  const message = `The conversion ${limit} this server gives it.`
  return new HeraldError('HERALD_TIMEOUT', reason ? `${message} ${reason}` : message, {
    remedy: remedy ?? askLess,
  })
}

export function heldTooMuchMemory({ memoryBytes }: Budget): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MUCH_MEMORY',
    `Converting this file takes more memory than the ${describeBytes(memoryBytes)} this server gives it.`,
    { remedy: 'Make the picture smaller, or ask for a smaller rendition.' },
  )
}

export function madeTooMuchOutput({ maxOutputBytes }: Budget): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MUCH_OUTPUT',
    `The renditions have more than the ${describeBytes(maxOutputBytes)} this server makes of one file.`,
    { remedy: 'Ask for fewer or smaller renditions, or for a format that compresses more.' },
  )
}

/** `1 s`, `0.7 s` */
export function seconds(ms: number): string {
  const value = ms / 1000
  return `${value >= 10 ? Math.round(value).toLocaleString('en') : Number(value.toFixed(1))} s`
}
