import { relative } from 'node:path'
import type { HeraldError } from '@herald/proto/errors'
import type { Terminal } from '@herald/runtime/terminal'
import {
  columns,
  humanBytes,
  humanChange,
  humanDuration,
  padded,
  shown,
} from '@herald/runtime/terminal-text'
import type { AnnouncedOutcome } from '../announcer.js'
import type { Converted } from '../convert-and-announce.js'
import type { ConvertJob } from './convert-job.js'

/** What became of one file. */
export interface FileOutcome {
  /** As it was named on the command line. */
  readonly given: string
  /** Absolute; undefined where the file could not be looked at. */
  readonly path: string | undefined
  /** The format that its name promises; undefined where it promises none. */
  readonly claimed: string | undefined
  readonly conversionId: string
  readonly runId: string
  readonly traceparent: string
  readonly converted: Converted | undefined
  readonly fault: HeraldError | undefined
  /** What was told; undefined where nothing was to be. */
  readonly announced: AnnouncedOutcome | undefined
}

/** Says what became of the files, in the order they were named. */
export interface ConvertReport {
  /** What will be shown, to align by. */
  expect(job: ConvertJob): void
  done(outcome: FileOutcome): void
  end(outcomes: readonly FileOutcome[]): void
}

// A longer name sticks out rather than push every other line aside.
const widestName = 44

export function humanReport(terminal: Terminal, cwd: string): ConvertReport {
  let fromWidth = 0
  let toWidth = 0
  const place = (path: string) => {
    const near = relative(cwd, path)
    return shown(near.startsWith('..') ? path : near)
  }

  const succeeded = (outcome: FileOutcome) => {
    const { given, converted, announced } = outcome
    const { renditions, summary, totalMs } = converted as Converted
    const before = summary.input?.sizeBytes ?? 0
    for (const [index, rendition] of renditions.entries()) {
      const first = index === 0
      const arrow = terminal.paint('dim', '→')
      const columnsOfLine = [
        `${first ? terminal.paint('green', '✓') : ' '} ${padded(first ? shown(given) : '', fromWidth)} ${arrow} ${padded(place(rendition.path), toWidth)}`,
        `${padStart(humanBytes(before), 7)} ${arrow} ${padStart(humanBytes(rendition.sizeBytes), 7)} ${padded(`(${humanChange(before, rendition.sizeBytes)})`, 8)}`,
        ...(first ? [padStart(humanDuration(totalMs), 8), told(terminal, announced)] : []),
      ]
      terminal.print(columnsOfLine.join('  ').trimEnd())
    }
    const truth = disguise(outcome)
    if (truth) terminal.print(terminal.paint('dim', `  ${shown(given)} ${truth}`))
  }

  const failed = ({ given, fault, announced }: FileOutcome) => {
    const { publicMessage, remedy } = fault as HeraldError
    terminal.tell(
      `${terminal.paint('red', '✗', 'stderr')} ${shown(given)}  ${shown(publicMessage)}`,
    )
    if (remedy) terminal.tell(`  ${terminal.paint('dim', shown(remedy), 'stderr')}`)
    if (announced && !announced.warning) terminal.tell(`  ${told(terminal, announced, 'stderr')}`)
  }

  return {
    expect({ given, renditions }) {
      fromWidth = Math.max(fromWidth, Math.min(widestName, columns(shown(given))))
      for (const { finalPath } of renditions) {
        toWidth = Math.max(toWidth, Math.min(widestName, columns(place(finalPath))))
      }
    },
    done(outcome) {
      if (outcome.converted) succeeded(outcome)
      else if (outcome.fault?.code !== 'HERALD_CANCELLED') failed(outcome)
    },
    end(outcomes) {
      const warning = outcomes.find((each) => each.announced?.warning)?.announced?.warning
      if (warning) terminal.tell(`${terminal.paint('yellow', '!', 'stderr')} ${shown(warning)}`)
      const converted = outcomes.filter((each) => each.converted).length
      if (outcomes.length > 1 && converted < outcomes.length) {
        terminal.tell(`${converted} of ${outcomes.length} files converted.`)
      }
    },
  }
}

const padStart = (text: string, width: number) =>
  ' '.repeat(Math.max(0, width - columns(text))) + text

function told(
  terminal: Terminal,
  announced: AnnouncedOutcome | undefined,
  target: 'stdout' | 'stderr' = 'stdout',
): string {
  if (!announced) return ''
  if (announced.warning) return terminal.paint('yellow', 'announcement kept', target)
  const names = announced.events.map((event) => event.recipient).filter((name) => name !== '')
  if (names.length === 0) return 'announced'
  const shownNames = names.slice(0, 3).map(shown).join(', ')
  return `told ${shownNames}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`
}

/** What the file really is, where its name says otherwise. */
function disguise({ claimed, converted }: FileOutcome): string | undefined {
  const truth = converted?.summary.input?.format
  if (!truth || !claimed || truth === claimed) return undefined
  const article = /^[aeiou]/.test(truth) ? 'an' : 'a'
  return `is ${article} ${shown(truth).toUpperCase()} file, whatever its name says`
}
