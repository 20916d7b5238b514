import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processName } from '@herald/runtime/process-identity'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Heartbeat } from '#src/drivers/embedded/heartbeat'

const sessionTimeoutMs = 1000

/** A heartbeat under a clock of the test, and the file of a consumer in another PID namespace. */
function observe() {
  const directory = mkdtempSync(join(tmpdir(), 'herald-heartbeat-'))
  const clock = { nowMs: 1_000_000 }
  const now = vi.spyOn(performance, 'now').mockImplementation(() => clock.nowMs)
  onTestFinished(() => {
    now.mockRestore()
    rmSync(directory, { recursive: true })
  })
  const [machine, boot] = processName.split('.')
  const other = `${machine}.${boot}.1-1-1-other`
  const beatOfOther = (seconds: number) => {
    writeFileSync(join(directory, other), '')
    utimesSync(join(directory, other), seconds, seconds)
  }
  beatOfOther(1)
  return { heartbeat: new Heartbeat(directory, sessionTimeoutMs), clock, other, beatOfOther }
}

test('a consumer whose process cannot be looked up is gone after a silent session timeout', () => {
  const { heartbeat, clock, other, beatOfOther } = observe()
  expect(heartbeat.isGone(other)).toBe(false)
  clock.nowMs += sessionTimeoutMs - 1
  expect(heartbeat.isGone(other)).toBe(false)
  clock.nowMs += 1
  expect(heartbeat.isGone(other)).toBe(true)
  beatOfOther(2)
  expect(heartbeat.isGone(other)).toBe(false)
})

test('a consumer without a file is gone after the session timeout', () => {
  const { heartbeat, clock, other } = observe()
  heartbeat.remove(other)
  expect(heartbeat.isGone(other)).toBe(false)
  clock.nowMs += sessionTimeoutMs
  expect(heartbeat.isGone(other)).toBe(true)
})

test('an observer that was stopped itself waits for a full session timeout again', () => {
  const { heartbeat, clock, other } = observe()
  expect(heartbeat.isGone(other)).toBe(false)
  clock.nowMs += 10 * sessionTimeoutMs
  expect(heartbeat.overdue).toBe(true)
  heartbeat.beat()
  expect(heartbeat.overdue).toBe(false)
  expect(heartbeat.isGone(other)).toBe(false)
})

test('a consumer of a process that ended is gone at once', () => {
  const { heartbeat } = observe()
  const [scope] = processName.split('-')
  expect(heartbeat.isGone(`${scope}-999999999-1-other`)).toBe(true)
  expect(heartbeat.isGone(`${processName}-other`)).toBe(false)
})
