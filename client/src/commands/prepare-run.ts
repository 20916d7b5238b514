import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ReceivedFormat, ReceivedListFormatsResponse } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { encodeOptions } from '@herald/proto/option-values'
import { escapeControls } from '@herald/runtime/terminal-text'
import { v7 as uuidv7 } from 'uuid'
import type { Announcer } from '../announcer.js'
import type { ConverterClient } from '../converter-client.js'
import { outboxBytes, renditionFactor, requireSpace } from '../disk-space.js'
import { toHeraldError } from '../errors.js'
import type { InputFile } from '../input-file.js'
import {
  findCollisions,
  planRenditions,
  refuseTakenNames,
  resolveTargets,
  type Target,
} from '../plan-conversions.js'
import { removeLeftOvers } from '../rendition-file.js'
import type { ScratchFolder, StandardInput } from '../standard-streams.js'
import { newTraceparent } from '../trace.js'
import type { ConvertCommandOptions } from './convert-arguments.js'
import { type FileConversion, isRunnable, type RunnableConversion } from './file-conversion.js'
import { gatherConversions } from './gather-conversions.js'
import { leaveOutResults } from './leave-out-results.js'

export interface PrepareTools {
  readonly converter: ConverterClient
  /** Undefined if nothing may be written (--dry-run). */
  readonly announcer: Announcer | undefined
  readonly stdin: StandardInput
  readonly scratch: ScratchFolder
  readonly signal: AbortSignal
  /** The folder of the outbox. Absolute. */
  readonly outbox: string
  readonly eventsPerFile: number
  /** The result goes to standard output. */
  readonly piped: boolean
}

export interface PreparedRun {
  readonly conversions: readonly FileConversion[]
  /** Files that were skipped: results of earlier runs, and files whose results exist. */
  readonly leftOut: number
  /** The child processes of the converters; undefined if they do not report them. */
  readonly childProcesses: number | undefined
}

/**
 * Checks everything that can be checked before an upload. An error of one file is part of its conversion; an
 * error of the command is thrown.
 */
export async function prepareRun(
  words: readonly string[],
  options: ConvertCommandOptions,
  tools: PrepareTools,
): Promise<PreparedRun> {
  const { converter, announcer } = tools
  let listing: Promise<ReceivedListFormatsResponse> | undefined
  const formats = () => {
    listing ??= converter.formats()
    return listing
  }
  const gathered = await gatherConversions(words, options, { ...tools, formats })
  // With nothing to convert, an unreachable converter does not matter.
  if (!gathered.some(isRunnable))
    return { conversions: gathered, leftOut: 0, childProcesses: undefined }

  const { formats: known, limits } = await formats()
  await refuseFileAsFolder(options.out, known)
  const targets = resolveTargets(options.to, known)
  const unsupported = targets.find(({ offered }) => !offered)
  const runnable = gathered.filter(isRunnable)
  if (unsupported)
    await throwRefusal(runnable[0]?.input as InputFile, unsupported.format, converter)
  await plan(runnable, targets, known, options, tools)
  if (tools.piped) requireOne(gathered)

  const { conversions, leftOut } = await leaveOutResults(gathered, options.skipExisting ?? false)
  const remaining = conversions.filter(isRunnable)
  for (const [conversion, error] of findCollisions(remaining)) {
    // Two arguments with one result are an error of the command, two files of a folder are not.
    if (!conversion.found) throw error
    conversion.error = error
  }
  if (!tools.piped) {
    for (const conversion of remaining.filter(isRunnable)) {
      await refuseTakenNames(conversion.input, conversion.renditions, options.force ?? false).catch(
        (error) => {
          conversion.error = toHeraldError(error)
        },
      )
    }
  }
  if (announcer) await removeTemporaryFiles(remaining, announcer)
  await requireSpaceFor(remaining.filter(isRunnable), tools)
  return { conversions, leftOut, childProcesses: limits?.workers || undefined }
}

async function plan(
  conversions: readonly RunnableConversion[],
  targets: readonly Target[],
  formats: readonly ReceivedFormat[],
  options: ConvertCommandOptions,
  { piped, scratch }: PrepareTools,
): Promise<void> {
  const directory = piped ? await scratch.path() : options.out
  const spec = encodeOptions(options)
  for (const conversion of conversions) {
    conversion.claimed = formatOfName(conversion.input.name, formats)
    const below = piped ? '' : conversion.below
    conversion.renditions = planRenditions(conversion.input, targets, { directory, below, spec })
  }
}

/** `--out harbour.webp` would create a folder of that name: certainly a mistake. */
async function refuseFileAsFolder(
  out: string | undefined,
  formats: readonly ReceivedFormat[],
): Promise<void> {
  if (out === undefined || formatOfName(out, formats) === undefined) return
  const status = await stat(out).catch(() => undefined)
  if (status?.isDirectory()) return
  throw new HeraldError(
    'HERALD_USAGE',
    `--out must be a folder; ${escapeControls(out)} looks like a file.`,
    {
      remedy: `Name a folder, or redirect the result: --out - > ${escapeControls(out)}`,
    },
  )
}

function requireOne(conversions: readonly FileConversion[]): void {
  const renditions = conversions.flatMap((conversion) => conversion.renditions)
  if (conversions.length === 1 && renditions.length <= 1 && !renditions[0]?.spec.everyPage) return
  throw new HeraldError('HERALD_USAGE', 'Standard output can take one file only.', {
    remedy: 'Name one file and one format, or a folder with --out.',
  })
}

/** Checks for free space for the results and announcements before the upload. */
async function requireSpaceFor(
  conversions: readonly RunnableConversion[],
  { outbox, eventsPerFile, piped }: PrepareTools,
): Promise<void> {
  const results = conversions.flatMap(({ input, renditions }) =>
    renditions.map(({ finalPath }) => ({
      directory: dirname(finalPath),
      bytes: input.sizeBytes * renditionFactor,
      otherwise: piped ? 'name another folder with TMPDIR' : 'choose another folder with --out',
    })),
  )
  if (results.length === 0) return
  const record = {
    directory: outbox,
    bytes: outboxBytes(conversions.length * eventsPerFile),
    otherwise: 'name another folder with HERALD_DATA',
  }
  await requireSpace([...results, record])
}

/** Requests an unknown format, because the converter's error has the reason and suggestions. */
async function throwRefusal(input: InputFile, format: string, converter: ConverterClient) {
  await converter.convert(input, {
    conversionId: uuidv7(),
    traceparent: newTraceparent(),
    renditions: [{ format }],
    signal: AbortSignal.timeout(10_000),
    receive: () => Promise.reject(new Error('the converter made a format that it does not list')),
  })
}

function formatOfName(name: string, formats: readonly ReceivedFormat[]): string | undefined {
  const extension = /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase()
  if (extension === undefined) return undefined
  return formats.find((format) => format.extensions.includes(extension))?.name
}

/** Removes temporary files of killed runs from the folders of the results. */
async function removeTemporaryFiles(
  conversions: readonly RunnableConversion[],
  announcer: Announcer,
): Promise<void> {
  const folders = new Set(
    conversions.flatMap(({ renditions }) => renditions.map(({ finalPath }) => dirname(finalPath))),
  )
  for (const folder of folders) await removeLeftOvers(folder, () => filesInOutbox(announcer))
}

/** The temporary files named by announcements in the outbox. */
function filesInOutbox({ outbox }: Announcer): ReadonlySet<string> {
  const files = outbox.entries().flatMap((entry) => entry.files)
  return new Set(files.map(({ temporaryPath }) => temporaryPath))
}
