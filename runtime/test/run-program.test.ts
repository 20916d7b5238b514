import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type RunningProgram, runProgramFile } from './run-program.js'

async function started(failing = ''): Promise<RunningProgram> {
  const program = runProgramFile('serves', ['127.0.0.1:0', failing])
  await vi.waitFor(() => expect(program.stdout()).toContain('http://'), { timeout: 60_000 })
  return program
}

const printed = (program: RunningProgram) => program.stdout().trimEnd().split('\n').slice(1)

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s releases everything and exits with 0',
  async (signal) => {
    const program = await started()
    program.child.kill(signal)
    expect(await program.ended).toEqual({ code: 0, signal: null })
    expect(printed(program)).toEqual(['asked to stop', 'last closed', 'first closed'])
  },
)

test('a second signal ends it at once, not with 0', async () => {
  const program = await started('hang')
  program.child.kill('SIGTERM')
  await vi.waitFor(() => expect(program.stdout()).toContain('last closed'), 60_000)
  program.child.kill('SIGTERM')
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.stderr()).not.toContain('did not stop in time')
})

test('past the deadline it exits with 1 and names the closer that hung', async () => {
  const program = await started('hang')
  program.child.kill('SIGTERM')
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.stderr()).toMatch(/"hung":"the stuck one","msg":"did not stop in time"/)
})

test('a closer that fails makes it exit with 1, the others run', async () => {
  const program = await started('closer')
  program.child.kill('SIGTERM')
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(printed(program)).toEqual(['asked to stop', 'last closed', 'first closed'])
  expect(program.stderr()).toMatch(/"closer":"the broken one"/)
})

test('a start that fails releases its resources, logs the error and exits with 1', async () => {
  const program = runProgramFile('serves', ['127.0.0.1:0', 'start'])
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.stdout()).toBe('first closed\n')
  expect(program.stderr()).toMatch(/"message":"the start is broken".*"msg":"could not start"/)
})

test('an error of the configuration is printed as it is and exits with 2', async () => {
  const program = runProgramFile('serves', ['127.0.0.1:0', 'configuration'])
  expect(await program.ended).toEqual({ code: 2, signal: null })
  expect(program.stdout()).toBe('first closed\n')
  expect(program.stderr()).toBe('The configuration has an error:\n  HERALD_X is not set\n')
})

test('an address that is taken is named in a sentence, with its process and what to do', async () => {
  const holder = createServer()
  onTestFinished(() => void holder.close())
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as AddressInfo
  const program = runProgramFile('serves', [`127.0.0.1:${port}`])
  expect(await program.ended).toEqual({ code: 1, signal: null })
  const who = process.platform === 'linux' ? `process ${process.pid} \\(.*\\)` : 'another program'
  expect(program.stderr()).toMatch(
    new RegExp(
      `^The address 127\\.0\\.0\\.1:${port} is taken by ${who}\\. Stop it, or choose another address for this program\\.\n$`,
    ),
  )
})
