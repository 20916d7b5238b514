import { dirname } from 'node:path'
import type { ReceivedFormat } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { v7 as uuidv7 } from 'uuid'
import type { Announcer } from '../announcer.js'
import type { ConverterClient } from '../converter-client.js'
import { type InputFile, inspectInput } from '../input-file.js'
import { outboxFault } from '../outbox-fault.js'
import {
  type PlannedRendition,
  planRenditions,
  refuseCollisions,
  refuseTakenNames,
} from '../plan-conversions.js'
import { outboxBytes, renditionFactor, requireRoom } from '../room-on-disk.js'
import { resolveTargets } from '../target-formats.js'
import { removeLeftOvers } from '../temporary-file.js'
import { newTraceparent } from '../trace.js'
import { type ConvertCommandOptions, specOf } from './convert-options.js'

/** One file of the command line. */
export interface ConvertJob {
  readonly given: string
  readonly conversionId: string
  readonly traceparent: string
  /** Undefined where the file cannot be converted at all; `fault` says why. */
  readonly input: InputFile | undefined
  /** The format that the file's name promises. */
  claimed: string | undefined
  renditions: readonly PlannedRendition[]
  fault: HeraldError | undefined
}

export interface JobTools {
  readonly converter: ConverterClient
  readonly announcer: Announcer
}

interface RoomTools {
  /** The folder of the outbox. Absolute. */
  readonly outbox: string
  readonly eventsPerFile: number
}

/**
 * Looks at everything that can be known before an upload. What is wrong with one file stands in
 * its job; what is wrong with the call is thrown.
 */
export async function prepareJobs(
  files: readonly string[],
  options: ConvertCommandOptions,
  tools: JobTools & RoomTools,
): Promise<ConvertJob[]> {
  const { converter, announcer } = tools
  const jobs = await Promise.all(files.map(inspected))
  const sound = jobs.filter((job) => job.input !== undefined)
  // With nothing to convert, whether there is a converter is not what the user must hear of.
  if (sound.length === 0) return jobs

  const { formats } = await converter.formats()
  const targets = resolveTargets(options.to, formats)
  const strange = targets.find(({ offered }) => !offered)
  if (strange) await hearRefusal(sound[0]?.input as InputFile, strange.format, converter)
  const output = { directory: options.out, spec: specOf(options) }
  for (const job of sound) {
    const input = job.input as InputFile
    job.claimed = promisedFormat(job.given, formats)
    job.renditions = planRenditions(input, targets, output)
  }
  refuseCollisions(sound)
  for (const job of sound) {
    const input = job.input as InputFile
    await refuseTakenNames(input, job.renditions, options.force ?? false).catch((error) => {
      job.fault = faultOf(error)
    })
  }
  await tidy(sound, announcer)
  await requireRoomFor(
    sound.filter(({ fault }) => fault === undefined),
    tools,
  )
  return jobs
}

/** Looks whether the results and their announcements have room, before anything is uploaded. */
async function requireRoomFor(jobs: readonly ConvertJob[], { outbox, eventsPerFile }: RoomTools) {
  const results = jobs.flatMap(({ input, renditions }) =>
    renditions.map(({ finalPath }) => ({
      directory: dirname(finalPath),
      bytes: (input?.sizeBytes ?? 0) * renditionFactor,
      otherwise: 'choose another folder with --out',
    })),
  )
  if (results.length === 0) return
  const record = {
    directory: outbox,
    bytes: outboxBytes(jobs.length * eventsPerFile),
    otherwise: 'name another folder with HERALD_DATA',
  }
  await requireRoom([...results, record])
}

/** Asks for what the converter does not offer: it knows best why not, and what was meant. */
async function hearRefusal(input: InputFile, format: string, converter: ConverterClient) {
  await converter.convert(input, {
    conversionId: uuidv7(),
    traceparent: newTraceparent(),
    renditions: [{ format }],
    signal: AbortSignal.timeout(10_000),
    receive: () => Promise.reject(new Error('the converter makes what it does not offer')),
  })
}

async function inspected(given: string): Promise<ConvertJob> {
  try {
    return newJob(given, await inspectInput(given), undefined)
  } catch (error) {
    return failedJob(given, error)
  }
}

/** The job of a file that cannot be converted, for what was thrown. */
export function failedJob(given: string, error: unknown): ConvertJob {
  return newJob(given, undefined, faultOf(error))
}

function newJob(
  given: string,
  input: InputFile | undefined,
  fault: HeraldError | undefined,
): ConvertJob {
  return {
    given,
    conversionId: uuidv7(),
    traceparent: newTraceparent(),
    input,
    claimed: undefined,
    renditions: [],
    fault,
  }
}

function promisedFormat(given: string, formats: readonly ReceivedFormat[]): string | undefined {
  const extension = /\.([^./\\]+)$/.exec(given)?.[1]?.toLowerCase()
  if (extension === undefined) return undefined
  return formats.find((format) => format.extensions.includes(extension))?.name
}

/** Takes away what killed runs left in the folders that are written into now. */
async function tidy(jobs: readonly ConvertJob[], announcer: Announcer): Promise<void> {
  const folders = new Set(
    jobs.flatMap(({ renditions }) => renditions.map(({ finalPath }) => dirname(finalPath))),
  )
  for (const folder of folders) await removeLeftOvers(folder, () => promisedFiles(announcer))
}

/** The temporary files that a kept announcement names. */
function promisedFiles({ outbox }: Announcer): ReadonlySet<string> {
  const files = outbox.entries().flatMap(({ announcement }) => announcement.files)
  return new Set(files.map(({ temporaryPath }) => temporaryPath))
}

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
