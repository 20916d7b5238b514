import { HeraldError } from '@herald/proto/errors'
import { v7 as uuidv7 } from 'uuid'
import type { InputFile } from '../input-file.js'
import { outboxFault } from '../outbox-fault.js'
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
  /** Undefined where the file cannot be converted at all; `fault` says why. */
  readonly input: InputFile | undefined
  /** The format that the file's name promises. */
  claimed: string | undefined
  renditions: readonly PlannedRendition[]
  fault: HeraldError | undefined
}

export type SoundJob = ConvertJob & { readonly input: InputFile }

export const isSound = (job: ConvertJob): job is SoundJob =>
  job.input !== undefined && job.fault === undefined

export function newJob(
  given: string,
  known: Partial<Pick<ConvertJob, 'found' | 'below' | 'input' | 'fault'>>,
): ConvertJob {
  return {
    found: false,
    below: '',
    input: undefined,
    fault: undefined,
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
  newJob(given, { fault: faultOf(error) })

/** What is thrown, as a fault that may be shown. */
export function faultOf(error: unknown): HeraldError {
  const known = outboxFault(error)
  if (known instanceof HeraldError) return known
  return new HeraldError(
    'HERALD_INTERNAL',
    error instanceof Error ? error.message : String(error),
    {
      remedy: 'That is a defect in Herald; please report it.',
      cause: error,
    },
  )
}
