import type { HeraldError } from '@herald/proto/errors'
import { v7 as uuidv7 } from 'uuid'
import type { AnnouncementResult } from '../announcer.js'
import type { Converted } from '../convert-and-announce.js'
import { toHeraldError } from '../errors.js'
import type { InputFile } from '../input-file.js'
import type { PlannedRendition } from '../plan-conversions.js'
import { newTraceparent } from '../trace.js'

/** One file of a run. */
export interface ConvertJob {
  /** As a person knows it: as it was named, or where it was found. */
  readonly given: string
  /** It was found in a folder or by a pattern. */
  readonly found: boolean
  /** Its folder below the one that was searched; empty where it was named itself. */
  readonly below: string
  readonly conversionId: string
  readonly traceparent: string
  /** Undefined where the file cannot be converted at all; `error` says why. */
  readonly input: InputFile | undefined
  /** The format that the file's name promises. */
  claimed: string | undefined
  renditions: readonly PlannedRendition[]
  error: HeraldError | undefined
}

export type RunnableJob = ConvertJob & { readonly input: InputFile }

export const isRunnable = (job: ConvertJob): job is RunnableJob =>
  job.input !== undefined && job.error === undefined

/** What became of one file. */
export interface FileOutcome {
  /** As a person knows it: as it was named, or where it was found. */
  readonly given: string
  /** Absolute; undefined where the file could not be looked at, and of standard input. */
  readonly path: string | undefined
  /** The file's own name. */
  readonly name: string
  /** The format that its name promises; undefined where it promises none. */
  readonly claimed: string | undefined
  readonly conversionId: string
  readonly runId: string
  readonly traceparent: string
  /** Without its preview: a run may have thousands. */
  readonly converted: Converted | undefined
  readonly error: HeraldError | undefined
  /** What was announced; undefined if nothing was to be. */
  readonly announced: AnnouncementResult | undefined
}

export function newJob(
  given: string,
  known: Partial<Pick<ConvertJob, 'found' | 'below' | 'input' | 'error'>>,
): ConvertJob {
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

/** The job of a file that cannot be converted, for what was thrown. */
export const failedJob = (given: string, error: unknown): ConvertJob =>
  newJob(given, { error: toHeraldError(error) })

/** Passes on values that come in any order in the order of their indices, from 0, without gaps. */
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
