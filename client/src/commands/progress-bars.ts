import type { Terminal } from '@herald/runtime/terminal'
import { columns, cut, cutPath, humanDuration, padded, shown } from '@herald/runtime/terminal-text'
import type { ConvertJob } from './convert-job.js'
import { type FileProgress, fileProgress } from './file-progress.js'

/** The bars of the files at work, and of all of them, for whoever looks at a terminal. */
export interface ProgressBars {
  begin(job: ConvertJob): FileProgress
  /** The file is done, well or not. */
  finish(job: ConvertJob): void
  /** Takes them away. Idempotent. */
  end(): void
}

const frameMs = 100
// Beside the bars the line of the total, and what was told last stays in sight.
const keptRows = 3
const phaseWidth = 'converting 10/12'.length

/** `files`: how many there are in all. */
export function showBars(terminal: Terminal, files: number): ProgressBars {
  const startedAt = Date.now()
  const working = new Map<ConvertJob, FileProgress>()
  let finished = 0
  let timer: NodeJS.Timeout | undefined

  const draw = () => {
    const { screen } = terminal
    if (!screen) return
    const now = Date.now()
    const at = [...working.values()]
    const done = finished + at.reduce((sum, each) => sum + each.fraction(now), 0)
    const seen = at.slice(0, Math.max(1, screen.rows - keptRows))
    const total = `${finished} of ${files}`
    const nameWidth = widest([...seen.map(({ name }) => name), total], screen.columns)
    const line = (name: string, fraction: number, words: string) =>
      barLine(terminal, { name, fraction, words }, nameWidth, screen.columns)
    terminal.live([
      ...seen.map((each) => line(each.name, each.fraction(now), phaseOf(each))),
      ...(files > 1 ? [line(total, done / files, timeLeft(done / files, now - startedAt))] : []),
    ])
  }

  return {
    begin(job) {
      const progress = fileProgress(shown(job.given), job.input?.sizeBytes ?? 0)
      working.set(job, progress)
      if (terminal.screen) timer ??= setInterval(draw, frameMs).unref()
      return progress
    },
    finish(job) {
      if (working.delete(job)) finished += 1
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
  const wordsWidth = room >= phaseWidth + 2 + 8 ? phaseWidth : Math.min(10, room)
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

function phaseOf({ phase, done, total }: FileProgress): string {
  return phase === 'converting' && total > 1 ? `${phase} ${done}/${total}` : phase
}

/** Of what was done until now in that time. */
function timeLeft(fraction: number, elapsedMs: number): string {
  if (elapsedMs < 2_000 || fraction < 0.02) return ''
  return `${humanDuration((elapsedMs / fraction) * (1 - fraction)).replace(/\.\d s$/, ' s')} left`
}
