import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { JobStore } from '@herald/broker/job-store'
import { fromMessage } from '@herald/broker/message'
import { openBlobStore } from '@herald/runtime/blobs'
import { freePorts } from '@herald/runtime/test/ports'
import { noS3Server, startS3Server } from '@herald/runtime/test/s3-server'
import { skewedClock } from '@herald/runtime/test/skewed-clock'
import sharp, { type Create } from 'sharp'
import { v7 as uuidv7 } from 'uuid'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { readTopic } from '#src/faults/kafka-fixture'
import { jobsWith, pidOfAttempt, type QueueWorker, startQueueWorker } from '#src/queue-workers'
import { openTestSystem, type TestSystem } from '#src/test-system'

/** A limit for hangs. */
const soon = { timeout: 60_000, interval: 20 }

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Queue {
  readonly system: TestSystem
  /** The folder of the blob store. */
  readonly blobs: string
  worker(env?: NodeJS.ProcessEnv): Promise<QueueWorker>
  /** Writes small pictures. Resolves to their paths. */
  pictures(count: number): Promise<string[]>
  /** A picture that takes several seconds. */
  slowPicture(): Promise<string>
  /** Submits files; resolves to the ids of the jobs. */
  submit(files: readonly string[], ...options: string[]): Promise<string[]>
  show(job: string): Promise<Record<string, unknown>>
  untilEnded(...jobs: string[]): Promise<void>
  /** Everything announced so far. */
  announced(): Promise<{ id: string; job: string; type: string }[]>
  deadLetters(): Promise<{ job: string; reason: string }[]>
}

async function openQueue(more: NodeJS.ProcessEnv = {}): Promise<Queue> {
  const system = await openTestSystem(more)
  cleanups.push(() => system.close())
  const { env, folder } = system
  const blobs = join(folder, 'blobs')
  const inputs = join(folder, 'in')
  mkdirSync(inputs)
  const broker = env['HERALD_BROKER'] ?? ''
  const reader = () => `reader-${Math.random()}`
  const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()
  const queue: Queue = {
    system,
    blobs,
    async worker(more = {}) {
      const worker = startQueueWorker({ ...env, ...more })
      cleanups.push(() => worker.end())
      await worker.ready
      return worker
    },
    pictures: (count) =>
      Promise.all(
        Array.from({ length: count }, async (_, at) => {
          const path = join(inputs, `picture-${at}.png`)
          const create = { width: 60, height: 40, channels: 3, background: { r: at, g: 9, b: 9 } }
          await sharp({ create: create as Create })
            .png()
            .toFile(path)
          return path
        }),
      ),
    async slowPicture() {
      const path = join(inputs, 'slow.jpg')
      const noise = { type: 'gaussian' as const, mean: 128, sigma: 60 }
      await sharp({ create: { width: 5000, height: 4000, channels: 3, background: 'red', noise } })
        .jpeg()
        .toFile(path)
      return path
    },
    async submit(files, ...options) {
      const { exitCode, stdout, stderr } = await system.herald([
        'submit',
        ...files,
        '--to',
        'webp',
        '--notify',
        'ada@example.com',
        '--json',
        ...options,
      ])
      // The AWS SDK warns about Node 20.
      expect({ exitCode, stderr }).toEqual({
        exitCode: 0,
        stderr: expect.not.stringMatching(/^herald:/m),
      })
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).job)
    },
    async show(job) {
      const { stdout, stderr } = await system.herald(['jobs', 'show', job, '--json'])
      expect(stderr).toBe('')
      return JSON.parse(stdout)
    },
    untilEnded: (...jobs) =>
      vi.waitFor(
        () => expect(jobsWith(blobs, 'announced')).toEqual(expect.arrayContaining(jobs)),
        soon,
      ),
    async announced() {
      const messages = await readTopic(broker, 'notifications', reader())
      return messages.map((message) => {
        const { envelope, event } = fromMessage(message)
        return { id: envelope.id, job: event.data.conversionId, type: event.type }
      })
    },
    async deadLetters() {
      const messages = await readTopic(broker, 'conversions.dead-letter', reader())
      return messages.map(({ key, headers }) => ({
        job: key ?? '',
        reason: text(headers['herald_dead_letter_reason']),
      }))
    },
  }
  return queue
}

const unique = (values: readonly string[]) => [...new Set(values)].sort()

test('jobs submitted without a worker are each converted and announced once, though a worker is killed', async () => {
  const queue = await openQueue()
  const slow = [await queue.slowPicture()]
  const [interrupted = ''] = await queue.submit(slow)
  const jobs = [interrupted, ...(await queue.submit(await queue.pictures(30)))]
  expect(unique(jobs)).toHaveLength(31)
  expect((await queue.show(interrupted))['state']).toBe('waiting')

  // On the embedded broker one of them gets all jobs, and the other one takes over.
  const workers = [await queue.worker(), await queue.worker()]
  const pid = await vi.waitFor(() => {
    const found = pidOfAttempt(queue.blobs, interrupted, 1)
    if (found === undefined) throw new Error('no attempt has begun')
    return found
  }, soon)
  await workers.find(({ child }) => child.pid === pid)?.end()
  expect(jobsWith(queue.blobs, 'ended')).not.toContain(interrupted)
  await queue.untilEnded(...jobs)
  expect(pidOfAttempt(queue.blobs, interrupted, 2)).not.toBe(pid)

  const announced = await queue.announced()
  expect(unique(announced.map(({ job }) => job))).toEqual(unique(jobs))
  // A job whose announcement was published right before the kill may come again, with the same id.
  expect(unique(announced.map(({ id }) => id))).toHaveLength(31)
  for (const job of jobs.slice(1, 4)) {
    expect(await queue.show(job)).toMatchObject({
      state: 'finished',
      results: [{ name: expect.stringMatching(/webp$/) }],
    })
  }
  expect(await queue.deadLetters()).toEqual([])
})

test('a file that kills its worker is in the dead letters after three attempts, and others go on', async () => {
  const queue = await openQueue()
  const slow = [await queue.slowPicture()]
  const [poison = ''] = await queue.submit(slow, '--to', 'avif', '--effort', '9')
  const others = await queue.submit(await queue.pictures(3))
  for (const attempt of [1, 2, 3]) {
    const worker = await queue.worker()
    const pid = await vi.waitFor(() => {
      const found = pidOfAttempt(queue.blobs, poison, attempt)
      if (found === undefined) throw new Error(`attempt ${attempt} has not begun`)
      return found
    }, soon)
    expect(pid).toBe(worker.child.pid)
    await worker.end()
  }
  await queue.worker()
  await queue.untilEnded(poison, ...others)

  expect(await queue.show(poison)).toMatchObject({ state: 'failed', attempts: 3 })
  expect(await queue.deadLetters()).toEqual([
    { job: poison, reason: expect.stringContaining('Each of 3 attempts ended') },
  ])
  // Those of the others may come twice, with the same id: they were at work when workers were killed.
  const announced = new Map((await queue.announced()).map((event) => [event.id, event]))
  expect([...announced.values()].filter(({ job }) => job === poison)).toEqual([
    { id: expect.any(String), job: poison, type: 'herald.conversion.failed.v1' },
  ])
  expect(announced.size).toBe(4)
})

test('a file that cannot be converted fails at its first attempt, with its reason', async () => {
  const queue = await openQueue()
  const path = join(queue.system.folder, 'broken.png')
  const [whole = ''] = await queue.pictures(1)
  writeFileSync(path, (await sharp(whole).png().toBuffer()).subarray(0, 60))
  const [job = ''] = await queue.submit([path])
  await queue.worker()
  const { exitCode, stdout } = await queue.system.herald(['jobs', 'wait', job])
  expect(exitCode).toBe(3)
  expect(stdout).toContain('reason')
  await queue.untilEnded(job)
  expect(await queue.show(job)).toMatchObject({
    state: 'failed',
    attempts: 1,
    code: 'HERALD_CORRUPT_FILE',
  })
  expect(await queue.deadLetters()).toHaveLength(1)
})

test('a job whose upload has another size than its command ends as failed, with both sizes', async () => {
  const queue = await openQueue()
  const [job = ''] = await queue.submit(await queue.pictures(1))
  const upload = join(queue.blobs, 'jobs', job, 'upload')
  const { size } = statSync(upload)
  truncateSync(upload, size - 9)
  await queue.worker()
  await queue.untilEnded(job)
  const { state, code, reason } = await queue.show(job)
  expect({ state, code }).toEqual({ state: 'failed', code: 'HERALD_DAMAGED_TRANSFER' })
  expect(reason).toContain(`declared to have ${size} bytes, but only ${size - 9} arrived`)
})

test('a cancelled job is not started, a running one is stopped, and each can be submitted again', async () => {
  const queue = await openQueue()
  const cancel = (job: string) => queue.system.herald(['jobs', 'cancel', job])
  const [early = ''] = await queue.submit(await queue.pictures(1))
  expect(await cancel(early)).toMatchObject({ exitCode: 0, stdout: `${early}  cancelled\n` })

  const slow = [await queue.slowPicture()]
  const [running = ''] = await queue.submit(slow, '--to', 'avif', '--effort', '9')
  await queue.worker()
  await vi.waitFor(() => expect(pidOfAttempt(queue.blobs, running, 1)).toBeDefined(), soon)
  expect(await cancel(running)).toMatchObject({ exitCode: 0 })
  await queue.untilEnded(early, running)
  expect(pidOfAttempt(queue.blobs, early, 1)).toBeUndefined()
  expect(await queue.show(running)).toMatchObject({ state: 'cancelled', results: [] })
  expect(existsSync(join(queue.blobs, 'jobs', running, 'results'))).toBe(false)
  expect(await queue.announced()).toEqual([])

  const retried = await queue.system.herald(['jobs', 'retry', early, '--json'])
  const again = JSON.parse(retried.stdout)
  expect(again).toEqual({ job: expect.not.stringContaining(early), retryOf: early })
  const out = join(queue.system.folder, 'out')
  const waited = await queue.system.herald(['jobs', 'wait', again.job, '--out', out])
  expect(waited).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('finished') })
  expect((await sharp(join(out, 'picture-0.webp')).metadata()).width).toBe(60)
  expect(await cancel(again.job)).toMatchObject({ exitCode: 3, stdout: `${again.job}  finished\n` })
})

test('waiting for a job ends with exit status 4 after --timeout, and the job goes on', async () => {
  const queue = await openQueue()
  const [job = ''] = await queue.submit(await queue.pictures(1))
  const waited = await queue.system.herald(['jobs', 'wait', job, '--timeout', '100ms'])
  expect(waited).toMatchObject({
    exitCode: 4,
    stderr: expect.stringContaining('The job continues.'),
  })
  expect((await queue.show(job))['state']).toBe('waiting')
})

test('without a broker a job has its id at once, and its command is kept', async () => {
  const [port] = await freePorts(1)
  const queue = await openQueue({ HERALD_BROKER: `kafka://127.0.0.1:${port}` })
  const [file = ''] = await queue.pictures(1)
  const submitted = await queue.system.herald(['submit', file, '--to', 'webp'])
  expect(submitted).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('picture-0.png') })
  expect(submitted.stderr).toContain(
    '1 of 1 jobs are not published yet; they are kept in the outbox.',
  )
  expect((await queue.system.herald(['outbox'])).stdout).toContain('picture-0.png')
})

test('a job past its expiry is not started, and is announced as failed', async () => {
  const queue = await openQueue()
  const [job = ''] = await queue.submit(await queue.pictures(1), '--expires', '1s')
  await vi.waitFor(async () => expect((await queue.show(job))['state']).toBe('expired'), soon)
  await queue.worker()
  await queue.untilEnded(job)
  expect(pidOfAttempt(queue.blobs, job, 1)).toBeUndefined()
  expect(await queue.announced()).toMatchObject([{ job, type: 'herald.conversion.failed.v1' }])
})

test.each([2, -2])(
  'a job expires by the clock of the blob store, not by that of a worker, which is %i days ahead, or of who submits it',
  async (days) => {
    const queue = await openQueue({ NODE_OPTIONS: skewedClock(days * 86_400_000) })
    const files = await queue.pictures(2)
    const [job = ''] = await queue.submit(files.slice(0, 1), '--expires', '1h')
    expect((await queue.show(job))['state']).toBe('waiting')
    const [late = ''] = await queue.submit(files.slice(1), '--expires', '1s')
    await vi.waitFor(async () => expect((await queue.show(late))['state']).toBe('expired'), soon)
    await queue.worker({ NODE_OPTIONS: skewedClock(-days * 86_400_000) })
    await queue.untilEnded(job, late)
    expect((await queue.show(job))['state']).toBe('finished')
    expect((await queue.show(late))['state']).toBe('expired')
  },
)

test('a submitter with too many jobs that have not ended is refused, and others are not', async () => {
  const queue = await openQueue({ HERALD_JOBS_WAITING: '2', HERALD_SUBMITTER: 'ada' })
  const files = await queue.pictures(3)
  const refused = await queue.system.herald(['submit', ...files, '--to', 'webp'])
  expect(refused).toMatchObject({ exitCode: 5, stdout: '' })
  expect(refused.stderr).toContain('ada has 0 jobs that have not ended, and at most 2 are allowed')
  const [first = '', second = ''] = await queue.submit(files.slice(0, 2))
  expect(await queue.system.herald(['submit', files[2] ?? '', '--to', 'webp'])).toMatchObject({
    exitCode: 5,
  })
  queue.system.env['HERALD_SUBMITTER'] = 'grace'
  await queue.submit(files.slice(2))
  queue.system.env['HERALD_SUBMITTER'] = 'ada'
  await queue.worker()
  await queue.untilEnded(first, second)
  await queue.submit(files.slice(2))
})

test('a stopped worker finishes its jobs, leaves the others and exits with 0', async () => {
  const queue = await openQueue()
  const jobs = await queue.submit(await queue.pictures(40))
  const worker = await queue.worker()
  await vi.waitFor(() => expect(jobsWith(queue.blobs, 'announced')).not.toEqual([]), soon)
  expect(await worker.end('SIGTERM')).toBe(0)
  // Nothing is half done.
  expect(jobsWith(queue.blobs, 'attempt-1').sort()).toEqual(
    jobsWith(queue.blobs, 'announced').sort(),
  )
  await queue.worker()
  await queue.untilEnded(...jobs)
  expect(await queue.announced()).toHaveLength(40)
})

test('a job that cannot be submitted leaves nothing', async () => {
  const queue = await openQueue()
  const [file = ''] = await queue.pictures(1)
  const { exitCode, stderr } = await queue.system.herald([
    'submit',
    file,
    'missing.png',
    '--to',
    'webp',
  ])
  expect(exitCode).toBe(3)
  expect(stderr).toContain('missing.png: There is no such file. Nothing was submitted.')
  expect((await queue.system.herald(['jobs'])).stderr).toBe('There are no jobs.\n')
})

test('a folder is refused with an advice that submit follows', async () => {
  const queue = await openQueue()
  const refused = await queue.system.herald(['submit', queue.system.folder, '--to', 'webp'])
  expect(refused.exitCode).toBe(3)
  expect(refused.stderr).toContain('This is a folder. Nothing was submitted.')
  expect(refused.stderr).toContain('such as "photos/*.jpg"')
  expect(refused.stderr).not.toContain('--recursive')
})

test('a result whose name is taken is reported, and the results of other jobs are saved', async () => {
  const queue = await openQueue()
  const jobs = await queue.submit(await queue.pictures(3))
  await queue.worker()
  await queue.untilEnded(...jobs)
  const out = join(queue.system.folder, 'results')
  mkdirSync(out)
  writeFileSync(join(out, 'picture-0.webp'), 'kept')
  const waited = await queue.system.herald(['jobs', 'wait', ...jobs, '--out', out])
  expect(waited.exitCode).toBe(2)
  expect(waited.stderr).toContain('picture-0.webp already exists.')
  expect(waited.stderr).toContain('choose another folder with --out')
  expect(readFileSync(join(out, 'picture-0.webp'), 'utf8')).toBe('kept')
  expect(readdirSync(out).sort()).toEqual(['picture-0.webp', 'picture-1.webp', 'picture-2.webp'])
})

// Another submitter chooses what is printed.
test('the list of jobs prints no control characters, and cuts long names', async () => {
  const queue = await openQueue()
  const [picture = ''] = await queue.pictures(1)
  const blobs = await openBlobStore(pathToFileURL(queue.blobs).href)
  const store = new JobStore(blobs)
  const jobId = uuidv7()
  const renditions = [{ format: 'a\u001b[31mb' }]
  const command = { jobId, submitter: 'other', fileName: `${'x'.repeat(240)}.png`, renditions }
  await store.add({ ...command, uploadKey: store.uploadKey(jobId) }, { path: picture })
  const { stdout } = await queue.system.herald(['jobs'])
  expect(stdout).toContain('a\\x1b[31mb')
  expect(stdout).not.toContain('\u001b')
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThan(160)
})

describe.skipIf(noS3Server !== '')(`with an S3 server${noS3Server}`, () => {
  test('uploads, states and results are in the bucket', async () => {
    const s3 = await startS3Server()
    onTestFinished(() => s3.close())
    const HERALD_BLOBS = await s3.bucket('jobs')
    const queue = await openQueue({ HERALD_BLOBS, ...s3.credentials })
    const jobs = await queue.submit(await queue.pictures(5))
    await queue.worker()
    const out = join(queue.system.folder, 'out')
    const waited = await queue.system.herald(['jobs', 'wait', ...jobs, '--out', out])
    expect(waited).toMatchObject({ exitCode: 0 })
    expect((await sharp(join(out, 'picture-4.webp')).metadata()).height).toBe(40)
    expect((await queue.system.herald(['jobs', 'list'])).stdout.match(/finished/g)).toHaveLength(5)
    expect(existsSync(queue.blobs)).toBe(false)
  })
})
