import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@herald/runtime/logger'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '#src/config'
import { Guardian } from '#src/worker/guardian'
import { Worker } from '#src/worker/worker'
import { twoHalves } from './pictures.js'

let folder: string
let worker: Worker
let guardian: Guardian
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-worker-test-'))
  guardian = new Guardian()
  const bare = { command: [], nodeFlags: [], enforced: [], missing: [] }
  worker = new Worker({
    folder,
    env: loadConfig(process.env).childEnv,
    confinement: bare,
    guardian,
    logger: silentLogger,
  })
  await worker.ready
})
afterEach(async () => {
  worker.kill('cancelled')
  await worker.gone
  await guardian.close()
  await rm(folder, { recursive: true, force: true })
})

const inspectPicture = async () => {
  const path = join(folder, 'source')
  await writeFile(path, await twoHalves().png().toBuffer())
  return { kind: 'inspect', source: { path, format: 'png' } } as const
}

test('a child answers one task after the other', async () => {
  const task = await inspectPicture()
  for (let time = 0; time < 3; time++) {
    const { result } = await worker.run(task, 1)
    expect(result).toMatchObject({ width: 120, height: 80, pages: 1, holds: [] })
  }
})

// A child that was killed with its answer already in the pipe passed for free, and the next
// conversion was given to it and failed with it.
test('an answer that arrives after the kill does not count', async () => {
  const outcome = worker.run(await inspectPicture(), 1)
  // The child answers meanwhile; nothing is read here.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
  worker.kill('timeout')
  await expect(outcome).rejects.toMatchObject({ code: 'HERALD_CANCELLED' })
  expect(await worker.gone).toBe('timeout')
})
