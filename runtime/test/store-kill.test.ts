import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { openStore } from '#src/store/store'
import { keptRecords, recordOf } from './programs/store-record.js'
import { randomNumbers } from './random.js'
import { type RunningProgram, runProgramFile } from './run-program.js'
import { scratchFolder } from './scratch-folder.js'

const kills = Number(process.env['HERALD_KILLS'] ?? (process.env['CI'] ? 24 : 8))
const seed = Number(process.env['HERALD_KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const names = ['a', 'b', 'c']

test(
  `no acknowledged write is lost when three writers are killed ${kills} times`,
  async () => {
    console.info(`three writers, ${kills} kills, HERALD_KILL_SEED=${seed}`)
    const random = randomNumbers(seed)
    const folder = scratchFolder()
    const acknowledgements = (name: string) => join(folder, `acknowledged-${name}`)
    let done = 0
    let acknowledged = 0
    while (done < kills) {
      const writers = new Map(
        names.map((name) => [
          name,
          runProgramFile('store-writer', [folder, acknowledgements(name), name]),
        ]),
      )
      try {
        await Promise.all(names.map((name) => nextAcknowledgement(acknowledgements(name), writers)))
        // One is killed first: the others must continue, whatever it held.
        for (const name of names.toSorted(() => random() - 0.5)) {
          // The moment of the kill is varied: this does not wait for anything.
          await pass(random() * 40)
          await kill(writers.get(name) as RunningProgram)
          writers.delete(name)
          done += 1
          await Promise.all(
            [...writers.keys()].map((other) =>
              nextAcknowledgement(acknowledgements(other), writers),
            ),
          )
        }
      } finally {
        await Promise.all([...writers.values()].map(kill))
      }
      acknowledged = await verify(folder, acknowledgements)
    }
    console.info(`${done} kills, ${acknowledged} acknowledged writes, none lost`)
  },
  60_000 + kills * 2_000,
)

async function kill({ child, ended }: RunningProgram): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

/** Waits until the writer of that file has acknowledged one more write. */
async function nextAcknowledgement(
  path: string,
  writers: ReadonlyMap<string, RunningProgram>,
): Promise<void> {
  const before = sizeOf(path)
  await vi.waitFor(
    () => {
      for (const { child, stderr } of writers.values()) {
        if (child.exitCode !== null) throw new Error(`a writer ended by itself: ${stderr()}`)
      }
      expect(sizeOf(path)).toBeGreaterThan(before)
    },
    { timeout: 60_000, interval: 5 },
  )
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** The state is that after each writer's last number, which is not before its last acknowledgement. */
async function verify(folder: string, acknowledgements: (name: string) => string): Promise<number> {
  const store = openStore(folder)
  try {
    const records = store.table<string, [string, number]>('records')
    let writes = 0
    let acknowledged = 0
    for (const name of names) {
      const numbers = readFileSync(acknowledgements(name), 'utf8').trimEnd().split('\n').map(Number)
      const found = [...records.entries({ start: [name, 0], end: [name, Number.MAX_SAFE_INTEGER] })]
      const last = found.at(-1)?.key[1] ?? -1
      expect(last, `the last number of ${name}`).toBeGreaterThanOrEqual(Math.max(...numbers))
      const first = Math.max(0, last - keptRecords + 1)
      expect(found.map(({ key }) => key[1])).toEqual(
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      )
      for (const { key, value } of found) expect(value).toBe(recordOf(name, key[1]))
      writes += last + 1
      acknowledged += numbers.length
    }
    expect(store.table<number, string>('totals').get('writes')).toBe(writes)
    return acknowledged
  } finally {
    await store.close()
  }
}
