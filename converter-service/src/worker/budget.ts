import { HeraldError } from '@herald/proto/errors'
import { describeBytes } from '../limits.js'

/** What one conversion may use. */
export interface Budget {
  /** From the first start of a worker to the end, waiting not counted. */
  readonly timeoutMs: number
  /** Over all its workers, and what they spawned. */
  readonly cpuMs: number
  /** Of one worker, and what it spawned. */
  readonly memoryBytes: number
  /** Over all its renditions. */
  readonly maxOutputBytes: number
}

const smaller = 'Ask for a smaller or simpler rendition, or for one at a time.'

export function tookTooLong({ timeoutMs }: Budget): HeraldError {
  return new HeraldError(
    'HERALD_TIMEOUT',
    `The conversion took longer than the ${seconds(timeoutMs)} this server gives it.`,
    { remedy: smaller },
  )
}

export function usedTooMuchCpu({ cpuMs }: Budget): HeraldError {
  return new HeraldError(
    'HERALD_TIMEOUT',
    `The conversion used more than the ${seconds(cpuMs)} of processor time this server gives it.`,
    { remedy: smaller },
  )
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
