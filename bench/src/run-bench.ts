import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, Entry } from './bench.js'
import { absentLine, errorLine, type Line, outcomeLine } from './line.js'
import { holdContest } from './rounds.js'

export interface RunOptions {
  readonly short: boolean
  readonly say: (line: string) => void
  /** Library to version, of what is measured. */
  readonly versions: Readonly<Record<string, string>>
  readonly onLine: (line: Line) => void
}

const usualRounds = 9
const fewestRounds = 5
/** The length of a short form says nothing; that it runs does. */
const shortRounds = 1

/** Runs a bench, reports each line as it is known and closes all it opened. Rejects never. */
export async function runBench(bench: Bench, options: RunOptions): Promise<void> {
  const { short, say, versions, onLine } = options
  const folder = await mkdtemp(join(tmpdir(), 'herald-bench-'))
  const closers: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    let entries: readonly Entry[]
    try {
      const defer = (close: () => unknown) => void closers.push(close)
      entries = await bench.open({ folder, short, defer, say })
    } catch (error) {
      onLine(errorLine(bench, '–', error))
      return
    }
    for (const entry of entries) {
      if ('absent' in entry) {
        onLine(absentLine(bench, entry))
        continue
      }
      try {
        say(`${bench.name} ${entry.variant ?? ''} beside ${entry.rival}`)
        const rounds = short ? shortRounds : Math.max(fewestRounds, entry.rounds ?? usualRounds)
        onLine(outcomeLine(bench, entry, await holdContest(entry, rounds, !short), versions))
      } catch (error) {
        onLine(errorLine(bench, entry.rival, error))
      }
    }
  } finally {
    for (const close of closers.reverse()) {
      try {
        await close()
      } catch (error) {
        onLine(errorLine(bench, 'closing', error))
      }
    }
  }
}
