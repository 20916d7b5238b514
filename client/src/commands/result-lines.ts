import type { Target, Terminal } from '@herald/runtime/terminal'
import { columns, cutPath, humanBytes, humanChange, padded } from '@herald/runtime/terminal-text'

/** What a line shows of one rendition. */
export interface ResultLine {
  /** The source; empty if the line above has it. */
  readonly from: string
  readonly to: string
  readonly before: number
  readonly after: number
  readonly time: string
  readonly announced: string
}

/** Lines of one run, aligned with each other as far as the width goes. */
export interface ResultLines {
  /** Announces names before the first line, to align by. */
  expect(from: string, to: string): void
  /** `first`: with the mark of success. */
  format(line: ResultLine, first: boolean): string
}

// Longer names stick out, so that the other lines stay aligned.
const widestName = 44

const bytesWidth = 7
const changeWidth = 8
const timeWidth = 8
/** `825 kB →  48 kB (−94 %)` and `(−94 %)` alone after the size. */
const sizesWidth = bytesWidth + 3 + bytesWidth + 1 + changeWidth
const shortSizesWidth = bytesWidth + 1 + changeWidth

export function resultLines(terminal: Terminal, target: Target): ResultLines {
  let fromWidth = 0
  let toWidth = 0
  const arrow = () => terminal.paint('dim', '→', target)
  const change = ({ before, after }: ResultLine) =>
    padded(`(${humanChange(before, after)})`, changeWidth)

  const sizes = (line: ResultLine) =>
    `${padStart(humanBytes(line.before), bytesWidth)} ${arrow()} ${padStart(humanBytes(line.after), bytesWidth)} ${change(line)}`

  return {
    expect(from, to) {
      fromWidth = Math.max(fromWidth, Math.min(widestName, columns(from)))
      toWidth = Math.max(toWidth, Math.min(widestName, columns(to)))
    },

    format(line, first) {
      const mark = first ? terminal.paint('green', '✓', target) : ' '
      const width = terminal.width(target) ?? Number.POSITIVE_INFINITY
      const time = line.time === '' ? '' : padStart(line.time, timeWidth)
      const full = [
        `${mark} ${padded(line.from, fromWidth)} ${arrow()} ${padded(line.to, toWidth)}`,
        sizes(line),
        time,
        line.announced,
      ]
      const names = 2 + fromWidth + 3 + toWidth
      if (names + 2 + sizesWidth + 2 + timeWidth <= width) {
        const all = joined(full)
        return columns(all) <= width ? all : joined(full.slice(0, 3))
      }
      const withSizes = width - 2 - 2 - sizesWidth - 2 - timeWidth
      if (withSizes >= 16) {
        const name = padded(cutPath(line.to, withSizes), Math.min(withSizes, toWidth))
        return joined([`${mark} ${name}`, sizes(line), time])
      }
      const left = Math.max(8, width - 2 - 2 - shortSizesWidth)
      const name = padded(cutPath(line.to, left), Math.min(left, toWidth))
      const after = padStart(humanBytes(line.after), bytesWidth)
      return joined([`${mark} ${name}`, `${after} ${change(line)}`])
    },
  }
}

const joined = (parts: readonly string[]) => parts.join('  ').trimEnd()

const padStart = (text: string, width: number) =>
  ' '.repeat(Math.max(0, width - columns(text))) + text
