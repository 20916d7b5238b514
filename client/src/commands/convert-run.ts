import { HeraldError } from '@herald/proto/errors'
import { humanDuration } from '@herald/runtime/terminal-text'
import { type AnnouncementContext, isFailureAnnounced } from '../announcements.js'
import type { Announcer } from '../announcer.js'
import { announceFailure, convertAndAnnounce } from '../convert-and-announce.js'
import type { ConverterClient } from '../converter-client.js'
import { toHeraldError } from '../errors.js'
import { withTimeLimit } from '../time-limit.js'
import {
  type FileConversion,
  type FileOutcome,
  inOrder,
  isRunnable,
  type RunnableConversion,
} from './file-conversion.js'
import type { ProgressBars } from './progress-bars.js'

/** What the files of a run share. */
export interface Run {
  readonly runId: string
  readonly source: string
  readonly topic: string
  /** E-mail addresses, or '' for the notifier's default. None: nothing is announced. */
  readonly recipients: readonly string[]
  readonly language: string
  readonly overwrite: boolean
  /** For one file. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Takes the results instead of their being saved under a name. */
  readonly deliver: ((temporaryPaths: readonly string[]) => Promise<void>) | undefined
}

export interface RunTools {
  readonly converter: ConverterClient
  readonly announcer: Announcer
  readonly bars: ProgressBars
}

/** Converted files that are still being saved or announced. */
const maxPendingSaves = 4

/**
 * Converts and announces the files, `atOnce` at a time. `done` is called in their order, as early as
 * possible. Does not reject: an error is part of the file's outcome.
 */
export async function convertAll(
  conversions: readonly FileConversion[],
  run: Run,
  tools: RunTools,
  atOnce: number,
  done: (outcome: FileOutcome) => void,
): Promise<void> {
  // Counts failures that are announced, too. If it is too high, the digest waits longer; no event is lost.
  const runSize = conversions.filter(
    (conversion) =>
      isRunnable(conversion) ||
      (conversion.error && isFailureAnnounced(conversion.error, run.recipients, 'attended')),
  ).length
  const report = inOrder(done)
  const unfinished = new Set<Promise<void>>()
  let next = 0
  const work = async () => {
    for (let at = next++; at < conversions.length; at = next++) {
      while (unfinished.size >= atOnce + maxPendingSaves) await Promise.race(unfinished)
      // The converter gets the next file while this one is written, synced and announced.
      await new Promise<void>((converted) => {
        const whole = convertFile(conversions[at] as FileConversion, run, tools, runSize, converted)
          .then((outcome) => report(at, outcome))
          .finally(() => {
            unfinished.delete(whole)
            converted()
          })
        unfinished.add(whole)
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, conversions.length) }, work))
  await Promise.all(unfinished)
}

async function convertFile(
  conversion: FileConversion,
  run: Run,
  tools: RunTools,
  runSize: number,
  onConverted: () => void,
): Promise<FileOutcome> {
  const { conversionId, traceparent, given, claimed } = conversion
  const name = conversion.input?.name ?? given
  const context = {
    ...{ conversionId, traceparent, runId: run.runId, source: run.source, topic: run.topic },
    ...{ recipients: run.recipients, language: run.language },
    runSize,
  }
  const base = {
    ...{ given, claimed, name, conversionId, traceparent, runId: run.runId },
    path: conversion.input?.path,
  }
  try {
    if (run.signal.aborted) throw run.signal.reason
    if (conversion.error) throw conversion.error
    const made = await convertOne(conversion as RunnableConversion, run, tools, {
      ...context,
      onConverted,
    })
    const announced = made.announcement && (await tools.announcer.untilPublished(made.announcement))
    const converted = { ...made, summary: { ...made.summary, preview: null } }
    return { ...base, converted, error: undefined, announced }
  } catch (thrown) {
    const error = run.signal.aborted ? cancelled(thrown) : toHeraldError(thrown)
    const formats = conversion.renditions.map(({ spec }) => spec.format)
    // A failure that cannot be announced is still the failure to report.
    const announced = isFailureAnnounced(error, run.recipients, 'attended')
      ? await announceFailure(
          tools.announcer.outbox,
          { ...context, fileName: name, formats },
          error,
        ).then(
          (kept) => tools.announcer.untilPublished(kept),
          () => undefined,
        )
      : undefined
    return { ...base, converted: undefined, error, announced }
  }
}

async function convertOne(
  conversion: RunnableConversion,
  run: Run,
  { converter, announcer, bars }: RunTools,
  context: AnnouncementContext & { readonly topic: string; onConverted(): void },
) {
  const progress = bars.begin(conversion)
  try {
    return await withDeadline(run, (signal) =>
      convertAndAnnounce(
        { converter, outbox: announcer.outbox },
        {
          ...context,
          input: conversion.input,
          renditions: conversion.renditions,
          overwrite: run.overwrite,
          signal,
          onProgress: (step) => progress.onProgress(step, Date.now()),
          onWaiting: (error) => progress.onWaiting(error),
          onBytes: (count, { sizeBytes }) => progress.onBytes(count, sizeBytes),
          ...(run.deliver ? { deliver: run.deliver } : {}),
        },
      ),
    )
  } finally {
    bars.finish(conversion)
  }
}

/** After Ctrl-C an unknown error is a consequence of the abort. */
function cancelled(thrown: unknown): HeraldError {
  const error = toHeraldError(thrown)
  return error.code === 'HERALD_INTERNAL'
    ? new HeraldError('HERALD_CANCELLED', 'The conversion was cancelled.', { cause: thrown })
    : error
}

async function withDeadline<T>(
  { signal, timeoutMs }: Run,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const message = `The conversion took longer than ${humanDuration(timeoutMs)}, the limit of --timeout.`
  const remedy = 'Raise it, such as --timeout 30m, or convert to a smaller width.'
  const reason = new HeraldError('HERALD_TIMEOUT', message, { remedy })
  return withTimeLimit({ timeoutMs, signals: [signal], reason }, work)
}
