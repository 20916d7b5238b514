import type { HeraldError } from '@herald/proto/errors'
import type { Target, Terminal } from '@herald/runtime/terminal'
import { displayPath, escapeControls, humanDuration, wrapped } from '@herald/runtime/terminal-text'
import type { AnnouncementResult } from '../announcer.js'
import type { Converted } from '../convert-and-announce.js'
import { removedParts } from '../removed-parts.js'
import type { FileConversion, FileOutcome } from './file-conversion.js'
import type { MailOutcome } from './mail-outcomes.js'
import { resultLines } from './result-lines.js'
import type { RunTally } from './run-tally.js'

export interface EndOfRun {
  readonly tally: RunTally
  /** Files of the run. */
  readonly files: number
  /** Files that were skipped, because their results exist. */
  readonly leftOut: number
  readonly elapsedMs: number
}

/** Prints the results of the files, in the order of the arguments. */
export interface ConvertReport {
  /** Announces a conversion, so that the lines can be aligned. */
  expect(conversion: FileConversion): void
  /** `mails`: the outcomes of the e-mails by event, with --wait. */
  done(outcome: FileOutcome, mails?: ReadonlyMap<string, MailOutcome>): void
  end(run: EndOfRun): void
}

export interface HumanReportOptions {
  /** Paths below it are shown relative to it. Absolute. */
  readonly cwd: string
  /** Where the lines go. */
  readonly target: Target
  /** The box that was requested, in pixels. */
  readonly width?: number | undefined
  readonly height?: number | undefined
  /** The page that was requested, if one or all were. */
  readonly page?: number | 'all' | undefined
}

/** What people miss when it is removed from a PDF; metadata of pictures is removed on purpose. */
const reportedParts = new Set(
  'outline properties attachments form scripts signatures restrictions'.split(' '),
)

export function humanReport(terminal: Terminal, options: HumanReportOptions): ConvertReport {
  const { cwd, target } = options
  const lines = resultLines(terminal, target)
  const print = (line: string) => (target === 'stdout' ? terminal.print(line) : terminal.log(line))
  const shortPath = (path: string) => displayPath(path, cwd)
  const printNote = (note: string) => {
    const columns = (terminal.width(target) ?? Number.POSITIVE_INFINITY) - 2
    for (const line of wrapped(note, columns)) print(terminal.paint('dim', `  ${line}`, target))
  }

  const succeeded = (outcome: FileOutcome) => {
    const { given, converted, announced } = outcome
    const { renditions, summary, totalMs } = converted as Converted
    for (const [index, { path, sizeBytes }] of renditions.entries()) {
      const line = {
        from: index === 0 ? escapeControls(given) : '',
        to: path === '' ? 'standard output' : shortPath(path),
        before: summary.input?.sizeBytes ?? 0,
        after: sizeBytes,
        time: index === 0 ? humanDuration(totalMs) : '',
        announced: index === 0 ? announcementText(terminal, announced, target) : '',
      }
      print(lines.format(line, index === 0))
    }
    const small = renditions.find((made) => isSmallerThan(made, options))
    if (small && !isShrunk(small, summary.input)) {
      const size = `${small.width} × ${small.height}`
      printNote(`not enlarged: it stays at ${size}; --enlarge makes it larger`)
    }
    const { input, stripped } = summary
    if (stripped.includes('pages') && options.page === undefined) {
      printNote(`page 1 of ${input?.pages} only; --page all makes a file of each`)
    }
    const removed = stripped
      .filter((part) => reportedParts.has(part))
      .map((part) => removedParts[part] ?? part)
    if (removed.length > 0) printNote(`removed: ${removed.join(', ')}`)
    const note = contentNote(outcome)
    if (note) printNote(`${escapeControls(given)} ${note}`)
  }

  const failed = ({ given, error, announced }: FileOutcome) => {
    const { publicMessage, remedy } = error as HeraldError
    reportError(terminal, given, { publicMessage, remedy })
    if (announced && !announced.warning)
      terminal.log(`  ${announcementText(terminal, announced, 'stderr')}`)
  }

  return {
    expect({ given, renditions }) {
      for (const { finalPath } of renditions)
        lines.expect(escapeControls(given), shortPath(finalPath))
    },
    done(outcome) {
      if (outcome.converted) succeeded(outcome)
      else if (outcome.error?.code !== 'HERALD_CANCELLED') failed(outcome)
    },
    end(run) {
      const { warning } = run.tally
      if (warning)
        terminal.log(`${terminal.paint('yellow', '!', 'stderr')} ${escapeControls(warning)}`)
      for (const line of endLines(terminal, run)) terminal.log(line)
    },
  }
}

type Size = { readonly width: number; readonly height: number }

/** Neither side fills the box that was requested. */
const isSmallerThan = (size: Size, { width, height }: HumanReportOptions) =>
  (width !== undefined || height !== undefined) &&
  size.width < (width ?? Number.POSITIVE_INFINITY) &&
  size.height < (height ?? Number.POSITIVE_INFINITY)

const isShrunk = (size: Size, source: Size | undefined | null) =>
  size.width * size.height < (source?.width ?? 0) * (source?.height ?? 0)

/** Prints the error of a file and its remedy. */
export function reportError(
  terminal: Terminal,
  given: string,
  { publicMessage, remedy }: Pick<HeraldError, 'publicMessage' | 'remedy'>,
): void {
  const columns = (terminal.width('stderr') ?? Number.POSITIVE_INFINITY) - 2
  const [first = '', ...more] = wrapped(
    `${escapeControls(given)}  ${escapeControls(publicMessage)}`,
    columns,
  )
  terminal.log(`${terminal.paint('red', '✗', 'stderr')} ${first}`)
  for (const line of more) terminal.log(`  ${line}`)
  for (const line of remedy ? wrapped(escapeControls(remedy), columns) : []) {
    terminal.log(`  ${terminal.paint('dim', line, 'stderr')}`)
  }
}

/** The last lines of a run; none for a single file. */
function endLines(terminal: Terminal, { tally, files, leftOut, elapsedMs }: EndOfRun): string[] {
  const parts: string[] = []
  if (files > 1) {
    const allConverted = tally.stopped === 0 && tally.failed === 0
    const of = allConverted ? '' : ` of ${files.toLocaleString('en')}`
    parts.push(`${tally.converted.toLocaleString('en')}${of} files converted`)
  }
  if (files > 1 && tally.failed > 0) parts.push(`${tally.failed.toLocaleString('en')} failed`)
  if (files > 1 && tally.stopped > 0) parts.push(`${tally.stopped.toLocaleString('en')} stopped`)
  if (leftOut > 0) parts.push(`${leftOut.toLocaleString('en')} skipped: the results exist`)
  if (parts.length === 0) return []
  const time = files > 1 && tally.converted > 0 ? ` in ${humanDuration(elapsedMs)}` : ''
  const [first = '', ...others] = parts
  const sentence = `${[`${first}${time}`, ...others].join('; ')}.`
  const table = files > 1 && tally.converted > 1 ? tally.table(terminal.width('stderr') ?? 80) : []
  return [
    ...(table.length > 0 ? ['', ...table, ''] : []),
    terminal.paint('bold', sentence, 'stderr'),
    ...(tally.stopped > 0 && tally.converted > 0
      ? ['To continue, run the same command with --skip-existing.']
      : []),
  ]
}

function announcementText(
  terminal: Terminal,
  announced: AnnouncementResult | undefined,
  target: Target,
): string {
  if (!announced) return 'not announced'
  if (announced.warning) return terminal.paint('yellow', 'announcement kept', target)
  const names = announced.events.map(({ recipient }) =>
    escapeControls(recipient || 'the default address'),
  )
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return `queued for ${names.slice(0, 3).join(', ')}${more}`
}

/** A note if the file's content has another format than its extension. */
function contentNote({ claimed, converted }: FileOutcome): string | undefined {
  const truth = converted?.summary.input?.format
  if (!truth || !claimed || truth === claimed) return undefined
  return `contains ${escapeControls(truth).toUpperCase()} data, despite its name`
}
