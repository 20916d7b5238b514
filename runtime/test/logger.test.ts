import { expect, test } from 'vitest'
import { silentLogger } from '#src/logger'
import { runProgramFile } from './run-program.js'

test('a program logs JSON lines to standard error from its level up, and loses none when it exits', async () => {
  const program = runProgramFile('logs-and-exits', ['info'])
  expect(await program.ended).toEqual({ code: 3, signal: null })
  expect(program.stdout()).toBe('')
  const lines = program
    .stderr()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatchObject({ level: 30, program: 'tester', count: 1, msg: 'said' })
  expect(Date.parse(lines[0].time)).toBeGreaterThan(Date.now() - 60_000)
  expect(lines[1]).toMatchObject({ level: 50, err: { type: 'Error', message: 'broken' } })
})

test('at level silent nothing is written', async () => {
  const program = runProgramFile('logs-and-exits', ['silent'])
  expect(await program.ended).toEqual({ code: 3, signal: null })
  expect(program.stderr()).toBe('')
  expect(silentLogger.isLevelEnabled('fatal')).toBe(false)
})
