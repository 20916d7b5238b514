import type { HeraldError } from '@herald/proto/errors'
import { columns, humanBytes, humanChange, humanDuration } from '@herald/runtime/terminal-text'
import type { FileOutcome } from './file-conversion.js'

/** The totals of a run. Memory does not grow with the number of files. */
export interface RunTally {
  add(outcome: FileOutcome): void
  readonly converted: number
  /** Without those that were stopped. */
  readonly failed: number
  /** Stopped by Ctrl-C, during or before the conversion. */
  readonly stopped: number
  /** 130 if stopped, else that of the first failed file, else 0. */
  readonly exitCode: number
  /** A sentence to print once; undefined if all is announced. */
  readonly warning: string | undefined
  /** One line per format: files, bytes before and after, saving, time of encoding (without that of LibreOffice); as many columns as fit. */
  table(width: number): string[]
}

interface FormatFigures {
  files: number
  before: number
  after: number
  encodingMs: number
}

export function runTally(): RunTally {
  const formats = new Map<string, FormatFigures>()
  let converted = 0
  let failed = 0
  let stopped = 0
  let firstFault: HeraldError | undefined
  let warning: string | undefined

  return {
    add({ converted: made, error, announced }) {
      warning ??= announced?.warning
      if (error?.code === 'HERALD_CANCELLED') stopped += 1
      else if (error) {
        failed += 1
        firstFault ??= error
      }
      if (!made) return
      converted += 1
      const counted = new Set<string>()
      for (const { format, sizeBytes, conversionMs } of made.renditions) {
        const figures = formats.get(format) ?? { files: 0, before: 0, after: 0, encodingMs: 0 }
        formats.set(format, figures)
        figures.files += 1
        figures.after += sizeBytes
        figures.encodingMs += conversionMs
        // A source counts once, even if each page is a file.
        if (!counted.has(format)) figures.before += made.summary.input?.sizeBytes ?? 0
        counted.add(format)
      }
    },
    get converted() {
      return converted
    },
    get failed() {
      return failed
    },
    get stopped() {
      return stopped
    },
    get exitCode() {
      return stopped > 0 ? 130 : (firstFault?.exitCode ?? 0)
    },
    get warning() {
      return warning
    },
    table(width) {
      const rows = [...formats].map(([format, { files, before, after, encodingMs }]) => [
        format,
        files.toLocaleString('en'),
        humanBytes(before),
        humanBytes(after),
        humanChange(before, after),
        humanDuration(encodingMs),
      ])
      const all = [['format', 'files', 'before', 'after', 'saving', 'encoding'], ...rows]
      for (const left of [[], [5], [2, 5], [1, 2, 5]]) {
        const lines = aligned(all.map((row) => row.filter((_, at) => !left.includes(at))))
        if (lines.every((line) => columns(line) <= width)) return lines
      }
      return []
    },
  }
}

/** The first column to the left, figures to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => columns(row[at] ?? ''))),
  )
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const blanks = ' '.repeat((widths[at] ?? 0) - columns(cell))
        return at === 0 ? cell + blanks : blanks + cell
      })
      .join('  ')
      .trimEnd(),
  )
}
