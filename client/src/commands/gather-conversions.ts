import { resolve } from 'node:path'
import type { ReceivedListFormatsResponse } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { findInputs, type InputPath, standardStream, type UnresolvedArg } from '../find-inputs.js'
import { type InputFile, inspectInput } from '../input-file.js'
import { type ScratchFolder, type StandardInput, spoolStandardInput } from '../standard-streams.js'
import type { ConvertCommandOptions } from './convert-arguments.js'
import { type FileConversion, failedConversion, newConversion } from './file-conversion.js'

export interface GatherTools {
  /** Rejects with HeraldError if the converter cannot be reached. */
  formats(): Promise<ReceivedListFormatsResponse>
  readonly stdin: StandardInput
  readonly scratch: ScratchFolder
  readonly signal: AbortSignal
}

const defaultName = 'stdin'
/** For a converter that does not report its limit. */
const usualMaxBytes = 100_000_000
/** Files that are inspected at a time. */
const maxInspections = 32

/** The conversions for the arguments of the command line. An error of one file is part of its conversion. */
export async function gatherConversions(
  words: readonly string[],
  options: ConvertCommandOptions,
  { formats, stdin, scratch, signal }: GatherTools,
): Promise<FileConversion[]> {
  const spool = async (): Promise<InputFile> => {
    // First checks that there is a converter: a pipe cannot be read twice.
    const { limits } = await formats()
    return spoolStandardInput(stdin, {
      folder: await scratch.path(),
      name: options.name ?? defaultName,
      maxBytes: limits?.maxBytes || usualMaxBytes,
      signal,
    })
  }
  const inputs = await findInputs(words, {
    recursive: options.recursive ?? false,
    except: options.out === undefined ? undefined : resolve(options.out),
    async extensions() {
      const { formats: known } = await formats()
      return known.filter(({ readable }) => readable).flatMap(({ extensions }) => extensions)
    },
  })
  const conversions: FileConversion[] = []
  let next = 0
  const inspectNext = async () => {
    for (let at = next++; at < inputs.length; at = next++) {
      conversions[at] = await conversionOf(inputs[at] as InputPath | UnresolvedArg, spool)
    }
  }
  await Promise.all(Array.from({ length: maxInspections }, inspectNext))
  return conversions
}

async function conversionOf(
  argument: InputPath | UnresolvedArg,
  spool: () => Promise<InputFile>,
): Promise<FileConversion> {
  const { given } = argument
  if ('error' in argument) return failedConversion(given, argument.error)
  const { path, below, found } = argument
  try {
    const input = await (given === standardStream ? spool() : inspectInput(path))
    return newConversion(given, { below, found, input })
  } catch (error) {
    if (given === standardStream && isCommandError(error)) throw error
    return failedConversion(given, error)
  }
}

/** Not about the file: an invalid command, an unreachable converter, Ctrl-C. */
const isCommandError = (error: unknown) =>
  error instanceof HeraldError && (error.retryable || [2, 130].includes(error.exitCode))
