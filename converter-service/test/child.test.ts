import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@herald/runtime/logger'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Child } from '#src/children/child'
import { Guardian } from '#src/children/guardian'
import { loadConfig } from '#src/config'
import { twoHalves } from './pictures.js'

let folder: string
let child: Child
let guardian: Guardian
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-child-test-'))
  guardian = new Guardian()
  const bare = { command: [], nodeFlags: [], enforced: [], missing: [] }
  child = new Child({
    folder,
    env: loadConfig(process.env).childEnv,
    confinement: bare,
    guardian,
    logger: silentLogger,
  })
  await child.ready
})
afterEach(async () => {
  child.kill('cancelled')
  await child.gone
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
    const { result } = await child.run(task, 1)
    expect(result).toMatchObject({ width: 120, height: 80, pages: 1, holds: [] })
  }
})

// A child that was killed with its answer already in the pipe passed for free, and the next
// conversion was given to it and failed with it.
test('an answer that arrives after the kill does not count', async () => {
  const outcome = child.run(await inspectPicture(), 1)
  // The child answers meanwhile; nothing is read here.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
  child.kill('timeout')
  await expect(outcome).rejects.toMatchObject({ code: 'HERALD_CANCELLED' })
  expect(await child.gone).toBe('timeout')
})
