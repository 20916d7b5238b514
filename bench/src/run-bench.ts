import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, Entry } from './bench.js'
import { absentLine, errorLine, type Line, resultLine } from './line.js'
import { compare } from './rounds.js'

export interface RunOptions {
  readonly short: boolean
  readonly log: (line: string) => void
  /** The version of each program and library that is measured. */
  readonly versions: Readonly<Record<string, string>>
  readonly onLine: (line: Line) => void
}

const defaultRounds = 9
const minRounds = 5
const shortRounds = 1

/** Runs a bench, reports each line when it is known, and closes what the bench opened. Never rejects. */
export async function runBench(bench: Bench, options: RunOptions): Promise<void> {
  const { short, log, versions, onLine } = options
  const folder = await mkdtemp(join(tmpdir(), 'herald-bench-'))
  const closers: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    let entries: readonly Entry[]
    try {
      const defer = (close: () => unknown) => void closers.push(close)
      entries = await bench.open({ folder, short, defer, log })
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
        log(`${bench.name} ${entry.variant ?? ''} beside ${entry.rival}`)
        const rounds = short ? shortRounds : Math.max(minRounds, entry.rounds ?? defaultRounds)
        onLine(resultLine(bench, entry, await compare(entry, rounds, !short), versions))
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
