import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { JobStore, maxExpiryMs } from '@herald/broker/job-store'
import { openBlobStore } from '@herald/runtime/blobs'
import { silentLogger } from '@herald/runtime/logger'
import { v7 } from 'uuid'
import { expect, onTestFinished, test, vi } from 'vitest'
import { sweepRegularly } from '#src/jobs/sweep-jobs'

const hourMs = 3_600_000
/** A limit for hangs. */
const soon = { timeout: 60_000 }

test('jobs are removed some time after their end, and those that never ended after their expiry', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-sweep-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const store = new JobStore(await openBlobStore(pathToFileURL(folder).href))
  const add = async (name: 'upload' | 'ended', ageMs: number) => {
    const jobId = v7()
    await store.add({ jobId, submitter: 'ada' }, Readable.from([Buffer.from('bytes')]))
    if (name === 'ended') await store.end(jobId, { ending: 'JOB_ENDING_FINISHED' })
    const time = (Date.now() - ageMs) / 1000
    await utimes(join(folder, 'jobs', jobId, name), time, time)
    return jobId
  }
  const old = await add('ended', 3 * hourMs)
  const recent = await add('ended', hourMs)
  const lost = await add('upload', maxExpiryMs + 3 * hourMs)
  const waiting = await add('upload', maxExpiryMs + hourMs)

  // The clock of this worker's machine is wrong.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30 * 24 * hourMs })
  onTestFinished(() => void vi.useRealTimers())
  const stop = sweepRegularly(store, 2 * hourMs, silentLogger)
  await vi.waitFor(async () => {
    expect((await store.list()).map(({ id }) => id).sort()).toEqual([recent, waiting].sort())
  }, soon)
  await stop()
  expect(await store.command(old)).toBeUndefined()
  expect(await store.command(lost)).toBeUndefined()
  expect(await store.countWaiting('ada', 10)).toBe(2)
})
