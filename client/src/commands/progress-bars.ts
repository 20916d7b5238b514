import type { Terminal } from '@herald/runtime/terminal'
import {
  columns,
  cut,
  cutPath,
  escapeControls,
  humanDuration,
  padded,
} from '@herald/runtime/terminal-text'
import { type ConversionProgress, conversionProgress } from '../conversion-progress.js'
import type { FileConversion } from './file-conversion.js'

/** A bar for each file under way and one for the whole run, if standard error is a terminal. */
export interface ProgressBars {
  begin(conversion: FileConversion): ConversionProgress
  /** The file is converted or failed. */
  finish(conversion: FileConversion): void
  /** Removes them. Idempotent. */
  end(): void
}

const frameMs = 100
/** People mostly wait for the conversion. */
const uploadShare = 0.2
// The line of the whole run, and the lines printed last, stay visible.
const keptRows = 3
const stageWidth = 'converting 10/12'.length

/** `files`: in the whole run. */
export function showBars(terminal: Terminal, files: number): ProgressBars {
  const startedAt = Date.now()
  const working = new Map<FileConversion, ConversionProgress>()
  let finished = 0
  let timer: NodeJS.Timeout | undefined

  const draw = () => {
    const { screen } = terminal
    if (!screen) return
    const now = Date.now()
    const underWay = [...working].map(([conversion, progress]) => ({
      name: escapeControls(conversion.given),
      fraction: progress.fraction(now) ?? 0,
      words: stageOf(progress),
    }))
    const done = finished + underWay.reduce((sum, { fraction }) => sum + fraction, 0)
    const seen = underWay.slice(0, Math.max(1, screen.rows - keptRows))
    const total = `${finished} of ${files}`
    const nameWidth = widest([...seen.map(({ name }) => name), total], screen.columns)
    const fraction = done / files
    const ofAll = { name: total, fraction, words: timeLeft(fraction, now - startedAt) }
    terminal.live(
      [...seen, ...(files > 1 ? [ofAll] : [])].map((each) =>
        barLine(terminal, each, nameWidth, screen.columns),
      ),
    )
  }

  return {
    begin(conversion) {
      const progress = conversionProgress(conversion.input?.sizeBytes ?? 0, uploadShare)
      working.set(conversion, progress)
      if (terminal.screen) timer ??= setInterval(draw, frameMs).unref()
      return progress
    },
    finish(conversion) {
      if (working.delete(conversion)) finished += 1
    },
    end() {
      clearInterval(timer)
      terminal.live([])
    },
  }
}

function widest(names: readonly string[], screen: number): number {
  return Math.min(Math.floor(screen * 0.4), Math.max(...names.map(columns)))
}

function barLine(
  terminal: Terminal,
  { name, fraction, words }: { name: string; fraction: number; words: string },
  nameWidth: number,
  screen: number,
): string {
  // One column stays free: a full line would wrap.
  const room = screen - 1 - nameWidth - 2
  const wordsWidth = room >= stageWidth + 2 + 8 ? stageWidth : Math.min(10, room)
  const barWidth = Math.min(30, room - wordsWidth - 2)
  const parts = [padded(cutPath(name, nameWidth), nameWidth)]
  if (barWidth >= 4) parts.push(bar(terminal, fraction, barWidth))
  parts.push(cut(words, wordsWidth))
  return parts.join('  ')
}

function bar(terminal: Terminal, fraction: number, width: number): string {
  const full = Math.round(Math.min(1, fraction) * width)
  const done = terminal.paint('cyan', '━'.repeat(full), 'stderr')
  return done + terminal.paint('dim', '─'.repeat(width - full), 'stderr')
}

function stageOf({ stage, done, total }: ConversionProgress): string {
  if (stage === 'unreachable') return 'no converter'
  if (stage === 'busy') return 'converter busy'
  return stage === 'converting' && total > 1 ? `${stage} ${done}/${total}` : stage
}

/** Extrapolated from the part that is done. */
function timeLeft(fraction: number, elapsedMs: number): string {
  if (elapsedMs < 2_000 || fraction < 0.02) return ''
  return `${humanDuration((elapsedMs / fraction) * (1 - fraction)).replace(/\.\d s$/, ' s')} left`
}
