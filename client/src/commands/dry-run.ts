import type { ReceivedEstimateResponse, ReceivedRenditionEstimate } from '@herald/proto/converter'
import { HeraldError, knownErrorCode } from '@herald/proto/errors'
import { pageName } from '@herald/runtime/output-name'
import type { Terminal } from '@herald/runtime/terminal'
import {
  columns,
  cutPath,
  displayPath,
  escapeControls,
  humanBytes,
  humanDuration,
  jsonLine,
  wrapped,
} from '@herald/runtime/terminal-text'
import type { CommandContext } from '../command-context.js'
import type { ConverterClient } from '../converter-client.js'
import type { PlannedRendition } from '../plan-conversions.js'
import { newTraceparent } from '../trace.js'
import type { ConvertCommandOptions } from './convert-arguments.js'
import { errorOf } from './convert-json.js'
import { reportError } from './convert-report.js'
import {
  type FileConversion,
  inOrder,
  isRunnable,
  type RunnableConversion,
} from './file-conversion.js'
import type { PreparedRun } from './prepare-run.js'

/** The estimate for one file. */
interface FileEstimate {
  readonly conversion: FileConversion
  /** Undefined if the converter is too old to estimate, or the file cannot be converted. */
  readonly estimate: ReceivedEstimateResponse | undefined
  readonly error: HeraldError | undefined
}

/**
 * Prints what a run would make and how long it would take; writes nothing. Resolves to the exit
 * status that the run would have, as far as known.
 */
export async function dryRun(
  { conversions, leftOut, childProcesses }: PreparedRun,
  options: ConvertCommandOptions,
  converter: ConverterClient,
  { terminal, signal }: CommandContext,
): Promise<number> {
  const all: FileEstimate[] = []
  const report = inOrder((one: FileEstimate) => {
    if (one.error?.code === 'HERALD_CANCELLED') return
    all.push(one)
    terminal.status(`[${all.length}/${conversions.length}] ${escapeControls(one.conversion.given)}`)
    if (options.json) terminal.print(jsonLine(jsonOf(one)))
    else print(terminal, one)
  })
  await estimateAll(conversions, converter, signal, report)
  terminal.status('')
  if (!options.json) {
    const width = terminal.width('stderr') ?? Number.POSITIVE_INFINITY
    for (const line of wrapped(endLine(all, leftOut, childProcesses), width)) terminal.log(line)
  }
  return all.find(({ error }) => error)?.error?.exitCode ?? 0
}

/** Estimates all files in one call; after an abort the rest fail with HERALD_CANCELLED. */
async function estimateAll(
  conversions: readonly FileConversion[],
  converter: ConverterClient,
  signal: AbortSignal,
  report: (at: number, estimate: FileEstimate) => void,
): Promise<void> {
  const asked: { at: number; conversion: RunnableConversion }[] = []
  for (const [at, conversion] of conversions.entries()) {
    if (isRunnable(conversion)) asked.push({ at, conversion })
    else report(at, { conversion, estimate: undefined, error: conversion.error })
  }
  if (asked.length === 0) return
  const files = asked.map(({ conversion: { input, conversionId, renditions } }) => ({
    ...{ upload: input, conversionId, renditions: renditions.map(({ spec }) => spec) },
  }))
  await converter.estimate(files, {
    ...{ traceparent: newTraceparent(), signal },
    onResult(index, { estimate, error }) {
      const { at, conversion } = asked[index] as { at: number; conversion: RunnableConversion }
      report(at, { conversion, estimate, error: error ?? (estimate && refusalOf(estimate)) })
    },
  })
}

function refusalOf({ fits, errorCode, message, remedy }: ReceivedEstimateResponse) {
  if (fits) return undefined
  return new HeraldError(knownErrorCode(errorCode) ?? 'HERALD_INTERNAL', message, { remedy })
}

function print(terminal: Terminal, { conversion, estimate, error }: FileEstimate): void {
  if (error) {
    reportError(terminal, conversion.given, error)
    return
  }
  const { width, height, pages, format } = estimate?.input ?? {}
  const many = (pages ?? 1) > 1 ? `, ${pages} pages` : ''
  const what = estimate ? `${escapeControls(format ?? '')} ${width} × ${height}${many}, ` : ''
  const facts = what + humanBytes(conversion.input?.sizeBytes ?? 0)
  terminal.print(fittedLine(terminal, '', escapeControls(conversion.given), [facts]))
  for (const [index, rendition] of conversion.renditions.entries()) {
    const made = estimate?.renditions.find((each) => each.index === index)
    const name = displayPath(nameOf(rendition, made?.files))
    const facts = made ? factsOf(made) : []
    terminal.print(fittedLine(terminal, `  ${terminal.paint('dim', '→')} `, name, facts))
  }
}

function factsOf({ width, height, pages, workMs, effort }: ReceivedRenditionEstimate): string[] {
  return [
    `${width} × ${height}${pages > 1 ? `, ${pages} pages` : ''}`,
    `about ${humanDuration(workMs)}`,
    ...(effort === undefined ? [] : [`effort ${effort}`]),
  ]
}

const minNameWidth = 10

/** On a narrow terminal the last facts and the beginning of the name are left out. */
function fittedLine(
  terminal: Terminal,
  before: string,
  name: string,
  facts: readonly string[],
): string {
  const width = terminal.width('stdout') ?? Number.POSITIVE_INFINITY
  const widthOf = (count: number) => columns(facts.slice(0, count).join('  ')) + 2
  let count = facts.length
  while (count > 1 && columns(before) + minNameWidth + widthOf(count) > width) count--
  const room = Math.max(minNameWidth, width - columns(before) - widthOf(count))
  return `${before}${cutPath(name, room)}  ${facts.slice(0, count).join('  ')}`.trimEnd()
}

/** The name; with `everyPage` the names of the first and the last page. */
function nameOf({ spec, finalPath }: PlannedRendition, files: number | undefined): string {
  if (!spec.everyPage) return finalPath
  if (files === undefined) return pageName(finalPath, 1, 1).replace('-page-1', '-page-N')
  const last =
    files > 1 ? ` … ${pageName(finalPath, files, files).slice(finalPath.lastIndexOf('/') + 1)}` : ''
  return pageName(finalPath, 1, files) + last
}

function endLine(
  all: readonly FileEstimate[],
  leftOut: number,
  childProcesses: number | undefined,
): string {
  const good = all.filter(({ error }) => !error)
  const estimated = good.filter(({ estimate }) => estimate)
  const workMs = estimated.reduce((sum, { estimate }) => sum + (estimate?.workMs ?? 0), 0)
  const time = workMs / Math.min(childProcesses ?? 1, Math.max(1, estimated.length))
  const files = good.length === 1 ? '1 file' : `${good.length.toLocaleString('en')} files`
  const parts = [
    estimated.length > 0 ? `${files}, about ${humanDuration(time)}` : files,
    ...(estimated.length < good.length ? ['this converter is too old to estimate the time'] : []),
    ...(all.length > good.length ? [`${all.length - good.length} would be refused`] : []),
    ...(leftOut > 0 ? [`${leftOut} skipped: the results exist`] : []),
  ]
  return `${parts.join('; ')}. Nothing was written.`
}

/**
 * `file`, `ok`, `dryRun` true, `path`; `source` {format, mediaType, width, height, pages,
 * sizeBytes}; `renditions` [{path, format, width, height, pages, files, workMs, effort}];
 * `workMs`; `error` as without --dry-run. What is not known is null.
 */
function jsonOf({ conversion, estimate, error }: FileEstimate) {
  const { sizeBytes = null, path = null } = conversion.input ?? {}
  const { format, mediaType, width, height, pages } = estimate?.input ?? {}
  return {
    file: conversion.given,
    ok: error === undefined,
    dryRun: true,
    path,
    source: estimate?.input ? { format, mediaType, width, height, pages, sizeBytes } : null,
    renditions: conversion.renditions.map(({ spec, finalPath }, index) => {
      const made = estimate?.renditions.find((each) => each.index === index)
      return {
        path: finalPath,
        format: spec.format,
        width: made?.width ?? null,
        height: made?.height ?? null,
        pages: made?.pages ?? null,
        files: made?.files ?? null,
        workMs: made?.workMs ?? null,
        effort: made?.effort ?? null,
      }
    }),
    workMs: estimate?.workMs ?? null,
    error: error ? errorOf(error) : null,
  }
}
