import {
  closeSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type RunningProgram, runProgramFile } from './run-program.js'
import { scratchFolder } from './scratch-folder.js'

const onLinux = process.platform === 'linux'
if (!onLinux)
  console.warn('a lock that forgets a waiter is not tested: the lock is a futex on Linux only')

/** The bit of a robust lock that marks waiters; the other bits are the holder's thread (futex(2)). */
const waiters = 0x8000_0000

// Sets the state that kill -9 leaves if it hits a waiter when it is woken.
test.skipIf(!onLinux)('a writer that missed its wakeup gets the lock', async () => {
  const folder = scratchFolder()
  const hold = join(folder, 'hold')
  writeFileSync(hold, '')
  const holder = runProgramFile('store-locker', [folder, hold])
  const waiter = runProgramFile('store-locker', [folder, hold])
  await waitForLine(holder, 'ready')
  await waitForLine(waiter, 'ready')
  holder.child.kill('SIGUSR2')
  await waitForLine(holder, 'inside')
  waiter.child.kill('SIGUSR2')

  const lock = openSync(join(folder, 'store', 'lock.mdb'), 'r+')
  onTestFinished(() => closeSync(lock))
  const threads = readdirSync(`/proc/${holder.child.pid}/task`).map(Number)
  const word = Buffer.alloc(4)
  const forgetWaiters = () => {
    for (let offset = 0; offset < 512; offset += 4) {
      readSync(lock, word, 0, 4, offset)
      const value = word.readUInt32LE()
      if (value < waiters || !threads.includes(value - waiters)) continue
      word.writeUInt32LE(value - waiters)
      return writeSync(lock, word, 0, 4, offset)
    }
    throw new Error('nobody waits for the lock yet')
  }
  await vi.waitFor(forgetWaiters, { timeout: 60_000 })
  rmSync(hold)
  await waitForLine(holder, 'done')
  await waitForLine(waiter, 'done')
})

async function waitForLine({ stdout, stderr }: RunningProgram, word: string): Promise<void> {
  await vi.waitFor(() => expect(stdout(), stderr()).toContain(word), { timeout: 60_000 })
}
