import type { HeraldError } from '@herald/proto/errors'
import { v7 as uuidv7 } from 'uuid'
import type { AnnouncementResult } from '../announcer.js'
import type { Converted } from '../convert-and-announce.js'
import { toHeraldError } from '../errors.js'
import type { InputFile } from '../input-file.js'
import type { PlannedRendition } from '../plan-conversions.js'
import { newTraceparent } from '../trace.js'

/** One file of a run. */
export interface FileConversion {
  /** As it was typed, or its path below the searched folder. */
  readonly given: string
  /** It was found in a folder or by a pattern. */
  readonly found: boolean
  /** Its folder below the searched one; empty if the file itself was named. */
  readonly below: string
  readonly conversionId: string
  readonly traceparent: string
  /** Undefined if the file cannot be converted; `error` has the reason. */
  readonly input: InputFile | undefined
  /** The format according to the file's extension. */
  claimed: string | undefined
  renditions: readonly PlannedRendition[]
  error: HeraldError | undefined
}

export type RunnableConversion = FileConversion & { readonly input: InputFile }

export const isRunnable = (conversion: FileConversion): conversion is RunnableConversion =>
  conversion.input !== undefined && conversion.error === undefined

/** The result of one file. */
export interface FileOutcome {
  /** As it was typed, or its path below the searched folder. */
  readonly given: string
  /** Absolute; undefined if the file cannot be read, and for standard input. */
  readonly path: string | undefined
  /** The file's own name. */
  readonly name: string
  /** The format according to the file's extension; undefined if unknown. */
  readonly claimed: string | undefined
  readonly conversionId: string
  readonly runId: string
  readonly traceparent: string
  /** Without its preview: a run may have thousands. */
  readonly converted: Converted | undefined
  readonly error: HeraldError | undefined
  /** The announcement; undefined if there is none. */
  readonly announced: AnnouncementResult | undefined
}

export function newConversion(
  given: string,
  known: Partial<Pick<FileConversion, 'found' | 'below' | 'input' | 'error'>>,
): FileConversion {
  return {
    found: false,
    below: '',
    input: undefined,
    error: undefined,
    ...known,
    given,
    conversionId: uuidv7(),
    traceparent: newTraceparent(),
    claimed: undefined,
    renditions: [],
  }
}

/** The conversion of a file that cannot be converted because of that error. */
export const failedConversion = (given: string, error: unknown): FileConversion =>
  newConversion(given, { error: toHeraldError(error) })

/** Calls `pass` with values in the order of their indices, from 0, whatever order they come in. */
export function inOrder<T>(pass: (value: T) => void): (index: number, value: T) => void {
  const waiting = new Map<number, T>()
  let next = 0
  return (index, value) => {
    waiting.set(index, value)
    for (; waiting.has(next); next++) {
      pass(waiting.get(next) as T)
      waiting.delete(next)
    }
  }
}
