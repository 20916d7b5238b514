import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Bell, openBell } from '#src/store/bell'
import { runProgramFile } from './run-program.js'
import { scratchFolder } from './scratch-folder.js'

function bellAt(path: string): Bell {
  const bell = openBell(path)
  onTestFinished(() => bell.close())
  return bell
}

test('each ring wakes another process in milliseconds, once', async () => {
  const path = join(scratchFolder(), 'bell')
  const bell = bellAt(path)
  const other = runProgramFile('bell-listener', [path])
  await vi.waitFor(() => expect(other.stdout()).toContain('listening'), { timeout: 60_000 })
  // The monotonic clock is one for all processes of a machine.
  const heardAt = () => other.stdout().trimEnd().split('\n').slice(1).map(BigInt)
  const took: number[] = []
  for (let round = 1; round <= 50; round += 1) {
    const rungAt = process.hrtime.bigint()
    bell.ring()
    await vi.waitFor(() => expect(heardAt()).toHaveLength(round), { timeout: 60_000, interval: 1 })
    took.push(Number((heardAt().at(-1) ?? 0n) - rungAt) / 1e6)
  }
  took.sort((a, b) => a - b)
  const [median = 0, worst = 0] = [took[25], took.at(-1)]
  console.info(
    `a ring arrived after ${median.toFixed(2)} ms (median), ${worst.toFixed(2)} ms at worst`,
  )
  // Far from the poll of a minute, whatever else the machine does.
  expect(median).toBeGreaterThan(0)
  expect(median).toBeLessThan(500)
  expect(statSync(path).size).toBe(1)
})

test('a listener is called for rings of its own process, once for rings in quick succession', async () => {
  const bell = bellAt(join(scratchFolder(), 'bell'))
  const [onRing, alsoOnRing] = [vi.fn(), vi.fn()]
  bell.listen(onRing, { pollMs: 60_000 })
  bell.listen(alsoOnRing, { pollMs: 60_000 })
  for (let count = 0; count < 100; count += 1) bell.ring()
  await vi.waitFor(() => expect(alsoOnRing).toHaveBeenCalled(), 60_000)
  expect(onRing.mock.calls.length).toBeLessThan(10)
})

test('a listener is called by polling if a ring is missed', async () => {
  const path = join(scratchFolder(), 'bell')
  const bell = bellAt(path)
  // Rings now go to another file.
  rmSync(path)
  const onRing = vi.fn()
  bell.listen(onRing, { pollMs: 20 })
  await vi.waitFor(() => expect(onRing.mock.calls.length).toBeGreaterThan(2), 60_000)
})

test('a listener is not called after it stopped or the bell was closed', async () => {
  const path = join(scratchFolder(), 'bell')
  const [bell, other] = [bellAt(path), bellAt(path)]
  const [ended, closed, onRing] = [vi.fn(), vi.fn(), vi.fn()]
  bell.listen(ended, { pollMs: 5 })()
  const leaving = bellAt(path)
  leaving.listen(closed, { pollMs: 5 })
  leaving.close()
  leaving.close()
  leaving.ring()
  leaving.listen(closed, { pollMs: 5 })
  bell.listen(onRing, { pollMs: 60_000 })
  other.ring()
  await vi.waitFor(() => expect(onRing).toHaveBeenCalled(), 60_000)
  await turn()
  expect(ended).not.toHaveBeenCalled()
  expect(closed).not.toHaveBeenCalled()
})

test('opening a bell does not ring it', async () => {
  const path = join(scratchFolder(), 'bell')
  const bell = bellAt(path)
  const onRing = vi.fn()
  bell.listen(onRing, { pollMs: 60_000 })
  bell.ring()
  await vi.waitFor(() => expect(onRing).toHaveBeenCalled(), 60_000)
  await turn()
  onRing.mockClear()
  bellAt(path)
  const marker = bellAt(`${path}-2`)
  const passed = vi.fn()
  marker.listen(passed, { pollMs: 60_000 })
  marker.ring()
  await vi.waitFor(() => expect(passed).toHaveBeenCalled(), 60_000)
  expect(onRing).not.toHaveBeenCalled()
})
