import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  isProcessRunning,
  isSameProcess,
  parseProcessName,
  processName,
  processState,
  thisProcess,
} from '#src/process-identity'

const onLinux = process.platform === 'linux'
if (!onLinux)
  console.warn('zombies and reused pids are not told apart: only Linux says when a process began')

function sleeper() {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

test('this process is alive', () => {
  expect(thisProcess.pid).toBe(process.pid)
  expect(isProcessRunning(thisProcess)).toBe(true)
})

test('a process is alive until it ends', async () => {
  const child = sleeper()
  await once(child, 'spawn')
  const identity = { pid: child.pid as number, startedAt: '' }
  expect(isProcessRunning(identity)).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(isProcessRunning(identity)).toBe(false)
})

test.skipIf(!onLinux)('a later process with the same pid is another process', () => {
  expect(isProcessRunning({ pid: process.pid, startedAt: '1' })).toBe(false)
})

test.skipIf(!onLinux)('a zombie is dead', async () => {
  // A shell that became a sleep does not wait for its child, which so stays a zombie.
  const child = "sh -c 'until grep -q sleep /proc/$PPID/comm; do :; done'"
  const parent = spawn('sh', ['-c', `${child} & echo $!; exec sleep 600`])
  onTestFinished(() => void parent.kill('SIGKILL'))
  const [line] = await once(parent.stdout, 'data')
  const pid = Number(String(line).trim())
  await vi.waitFor(
    () => expect(readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z '),
    60_000,
  )
  expect(isProcessRunning({ pid, startedAt: '' })).toBe(false)
})

test.skipIf(!onLinux)(
  'a process of another user is alive, although it cannot be signalled',
  async () => {
    expect(isProcessRunning({ pid: 1, startedAt: '' })).toBe(true)
  },
)

test('a process of another PID namespace or machine is unknown, one of an earlier boot is dead', () => {
  const [machine = '', boot = '', namespace] = (thisProcess.scope ?? '').split('.')
  const state = (...parts: unknown[]) => processState({ ...thisProcess, scope: parts.join('.') })
  expect(state(machine, boot, namespace)).toBe('running')
  expect(state(machine, boot, 1)).toBe('unknown')
  expect(state('00000000', boot, namespace)).toBe('unknown')
  expect(state('00000000', '00000000', namespace)).toBe('unknown')
  expect(state(machine, '00000000', namespace)).toBe('ended')
  expect(state(machine, '00000000', 1)).toBe('ended')
})

test('one pid in two scopes is two processes, and the process name contains all of it', () => {
  expect(isSameProcess(thisProcess, { ...thisProcess, scope: 'a.b.1' })).toBe(false)
  expect(parseProcessName(processName)).toEqual(thisProcess)
})
