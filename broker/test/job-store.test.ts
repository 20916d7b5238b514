import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { openBlobStore } from '@herald/runtime/blobs'
import { v7 } from 'uuid'
import { expect, onTestFinished, test, vi } from 'vitest'
import { fromCommandMessage, toCommandMessage } from '#src/jobs/convert-command'
import { JobStore, maxAttempts } from '#src/jobs/job-store'

async function openStore() {
  const folder = await mkdtemp(join(tmpdir(), 'herald-jobs-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return new JobStore(await openBlobStore(pathToFileURL(folder).href))
}

async function withJob() {
  const store = await openStore()
  const command = { jobId: v7(), submitter: 'ada', fileName: 'a.png' }
  await store.add(command, Readable.from([Buffer.from('bytes')]))
  return { store, id: command.jobId }
}

test('of several ends at the same time one counts, and all callers get it', async () => {
  const { store, id } = await withJob()
  const endings = ['JOB_ENDING_FINISHED', 'JOB_ENDING_FAILED', 'JOB_ENDING_CANCELLED'] as const
  const ended = await Promise.all(endings.map((ending) => store.end(id, { ending })))
  expect(new Set(ended.map(({ ending }) => ending)).size).toBe(1)
  expect(await store.ended(id)).toEqual(ended[0])
})

test('an attempt is begun by one worker, and a dropped one does not count', async () => {
  const { store, id } = await withJob()
  const begun = await Promise.all([store.beginAttempt(id, 1), store.beginAttempt(id, 1)])
  expect(begun.sort()).toEqual([false, true])
  expect(await store.attempts(id)).toBe(1)
  await store.dropAttempt(id, 1)
  expect(await store.attempts(id)).toBe(0)
  for (let attempt = 1; attempt <= maxAttempts; attempt++) await store.beginAttempt(id, attempt)
  expect(await store.attempts(id)).toBe(maxAttempts)
})

test('a job counts for its submitter until it stops waiting, and is listed until it is removed', async () => {
  const { store, id } = await withJob()
  expect([await store.countWaiting('ada', 10), await store.countWaiting('grace', 10)]).toEqual([
    1, 0,
  ])
  expect(await store.list()).toMatchObject([{ id, attempts: 0, endedAtMs: undefined }])
  await store.end(id, { ending: 'JOB_ENDING_CANCELLED' })
  await store.stopWaiting(id, 'ada')
  expect(await store.countWaiting('ada', 10)).toBe(0)
  expect((await store.list())[0]?.endedAtMs).toBeGreaterThan(0)
  await store.remove(id)
  expect(await store.list()).toEqual([])
  expect(await store.command(id)).toBeUndefined()
})

test('the time is that of the store, whatever this machine thinks', async () => {
  const realMs = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now: realMs + 2 * 86_400_000 })
  onTestFinished(() => void vi.useRealTimers())
  const store = await openStore()
  expect(Math.abs((await store.now()) - realMs)).toBeLessThan(60_000)
  expect(await store.list()).toEqual([])
})

test('a command is read as it was written', () => {
  const jobId = v7()
  const envelope = {
    source: '/test',
    time: new Date(),
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  }
  const message = toCommandMessage(envelope, {
    jobId,
    fileName: 'ä.png',
    renditions: [{ format: 'webp' }],
  })
  const { command, traceparent } = fromCommandMessage(message)
  expect(command).toMatchObject({ jobId, fileName: 'ä.png', renditions: [{ format: 'webp' }] })
  expect(traceparent).toBe(envelope.traceparent)
})

test.each(['', '../../etc', 'not-a-uuid', `${v7()}/x`])(
  'a command of the job %j is refused',
  (jobId) => {
    const message = toCommandMessage({ source: '/test', time: new Date() }, { jobId: v7() })
    const other = { ...message, value: Buffer.from([0x0a, jobId.length, ...Buffer.from(jobId)]) }
    expect(() => fromCommandMessage(other)).toThrow('The id of the job is not a UUIDv7.')
  },
)
