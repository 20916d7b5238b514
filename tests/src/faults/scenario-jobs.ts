import { randomFillSync } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { jobsWith, pidOfAttempt, type QueueWorker, startQueueWorker } from '../queue-workers.js'
import { type KafkaFixture, readTopic } from './kafka-fixture.js'
import { createChecks, type Result } from './result.js'
import { runCli } from './run-cli.js'
import { seeded, whole } from './seeded.js'

export interface JobsOptions {
  readonly seed: number
  readonly jobs: number
  /** A worker is killed that often, in milliseconds. */
  readonly killEveryMs: number
  /** For how long workers are killed, in milliseconds. */
  readonly killForMs: number
  /** The most by which the memory of a worker may grow, from the second quarter of the time to the last. */
  readonly maxGrowth: number
  readonly print: (line: string) => void
}

const workerCount = 3
const poisonName = 'poison.bmp'

/**
 * Jobs are submitted while no worker runs; then three workers of which one is killed again and again,
 * and one file that ends its worker: every job ends once and is announced once.
 */
export async function runJobs(
  kafkaFixture: KafkaFixture,
  { seed, jobs, killEveryMs, killForMs, maxGrowth, print }: JobsOptions,
): Promise<Result> {
  const random = seeded(seed)
  const workspace = await kafkaFixture.openWorkspace()
  const jobsTopic = `${workspace.topic}-conversions`
  const env = {
    ...workspace.env,
    HERALD_JOBS_TOPIC: jobsTopic,
    HERALD_SPOOL: join(workspace.folder, 'spool'),
    HERALD_JOBS_WAITING: String(jobs + 1),
    HERALD_WORKERS: '1',
  }
  const blobs = join(workspace.folder, 'blobs')
  const workers: QueueWorker[] = []
  let watching: NodeJS.Timeout | undefined
  try {
    const inputs = writePictures(workspace.folder, jobs)
    const submittingAt = performance.now()
    const options = ['--notify', 'ada@example.com']
    for (const [name, format] of [
      [poisonName, 'avif'],
      ['[0-9]*.bmp', 'webp'],
    ]) {
      const effort = format === 'avif' ? ['--effort', '9'] : []
      const path = join(inputs, name as string)
      const { status, stderr } = await runCli(
        ['submit', path, '--to', format as string, ...effort, ...options],
        { env },
      ).ended
      // It also reports jobs that are not published yet.
      if (status !== 0 || stderr !== '')
        throw new Error(`herald submit ended with ${status}: ${stderr}`)
    }
    print(`${jobs + 1} jobs submitted in ${seconds(performance.now() - submittingAt)}`)

    const poison = findPoison(blobs)
    const start = (index: number) => {
      workers[index] = startQueueWorker(env)
      return workers[index].ready
    }
    const restarting = new Map<number, Promise<void>>()
    const restart = (index: number) => {
      const under = restarting.get(index)
      if (under !== undefined) return under
      const done = (workers[index] as QueueWorker)
        .end()
        .then(() => start(index))
        .finally(() => restarting.delete(index))
      restarting.set(index, done)
      return done
    }
    const startedAt = Date.now()
    await Promise.all(Array.from({ length: workerCount }, (_, index) => start(index)))
    const memory: number[] = []
    let poisonKills = 0
    let poisonAttempts = 0
    // The poison: whichever worker makes an attempt at it is killed, unless it was killed already.
    watching = setInterval(() => {
      const pid = pidOfAttempt(blobs, poison, poisonAttempts + 1)
      if (pid !== undefined) {
        poisonAttempts += 1
        const index = workers.findIndex(({ child }) => child.pid === pid)
        if (index >= 0) {
          poisonKills += 1
          void restart(index)
        }
      }
      const [pages] = readMemory(workers[0]?.child.pid)
      if (pages !== undefined) memory.push(pages)
    }, 250)

    let kills = 0
    for (let at = killEveryMs; at <= killForMs; at += killEveryMs) {
      await sleep(Math.max(0, startedAt + at - Date.now()))
      // The first one is not killed, so that its memory can be watched.
      const index = 1 + whole(random, workerCount - 1)
      kills += 1
      await restart(index)
    }
    let done = 0
    let stillFor = 0
    while (done < jobs + 1 && stillFor < 120) {
      await sleep(500)
      const now = jobsWith(blobs, 'announced').length
      stillFor = now === done ? stillFor + 1 : 0
      done = now
    }
    clearInterval(watching)
    // One may still be starting: without it, the others have ended every job.
    await Promise.all(restarting.values())
    const exits = await Promise.all(workers.map((worker) => worker.end('SIGTERM')))
    return {
      scenario: 'jobs in a queue',
      ...(await checkEnds()),
    }

    async function checkEnds() {
      const { failures, check } = createChecks()
      const announced = await readTopic(kafkaFixture.broker, workspace.topic, 'count')
      const dead = await readTopic(kafkaFixture.broker, `${jobsTopic}.dead-letter`, 'count')
      const ids = new Set(announced.map(({ headers }) => text(headers['ce_id'])))
      const subjects = new Set(announced.map(({ headers }) => text(headers['ce_subject'])))
      const deadJobs = new Set(dead.map(({ key }) => key))
      const [early = 0, late = 0] = [quarter(memory, 1), quarter(memory, 3)]
      check(done === jobs + 1, `${jobs + 1 - done} jobs have not ended`)
      check(subjects.size === jobs + 1, `${jobs + 1 - subjects.size} jobs were not announced`)
      check(ids.size === jobs + 1, `${ids.size} different announcements of ${jobs + 1} jobs`)
      check(
        deadJobs.size === 1 && deadJobs.has(poison),
        `dead letters: ${[...deadJobs].join(', ')}, expected only ${poison}`,
      )
      check(poisonAttempts === 3, `the poison file had ${poisonAttempts} attempts`)
      check(late <= maxGrowth * early, `a worker's memory grew from ${early} MB to ${late} MB`)
      check(
        exits.every((exit) => exit === 0),
        `the workers end with ${exits.join(', ')}`,
      )
      const notes: string[] = []
      const ended = new Set(jobsWith(blobs, 'announced'))
      const missing = jobsWith(blobs, 'command').filter((job) => !ended.has(job))
      if (missing.length > 0) {
        const commands = await readTopic(kafkaFixture.broker, jobsTopic, 'count')
        for (const job of missing.slice(0, 20)) {
          const published = commands.filter(({ key }) => key === job).length
          const names = readdirSync(join(blobs, 'jobs', job)).join(' ')
          notes.push(`${job} has not ended: published ${published} times; ${names}`)
          for (const { lines } of workers) notes.push(...lines.filter((line) => line.includes(job)))
        }
      }
      const figures = {
        jobs: jobs + 1,
        ended: done,
        unique: ids.size,
        duplicate: announced.length - ids.size,
        kills: kills + poisonKills,
        'per second': Math.round((1000 * done) / (lastEndMs(blobs) - startedAt)),
        MB: `${early} to ${late}`,
      }
      return { figures, failures, notes }
    }
  } finally {
    clearInterval(watching)
    await Promise.all(workers.map((worker) => worker.end()))
    await workspace.close()
  }
}

/** Small pictures, and one that takes seconds. Returns their folder. */
function writePictures(folder: string, count: number): string {
  const inputs = join(folder, 'in')
  mkdirSync(inputs)
  for (let at = 0; at < count; at++) {
    writeFileSync(join(inputs, `${at}.bmp`), noise(32, 24))
  }
  writeFileSync(join(inputs, poisonName), noise(3200, 2500))
  return inputs
}

/** A picture of noise as a BMP with 24 bits per pixel; the width is a multiple of 4. */
function noise(width: number, height: number): Buffer {
  const file = randomFillSync(Buffer.alloc(54 + width * height * 3), 54)
  file.write('BM')
  file.writeUInt32LE(file.length, 2)
  file.writeUInt32LE(0, 6)
  file.writeUInt32LE(54, 10)
  file.writeUInt32LE(40, 14)
  file.writeInt32LE(width, 18)
  file.writeInt32LE(height, 22)
  file.writeUInt16LE(1, 26)
  file.writeUInt16LE(24, 28)
  file.writeUInt32LE(width * height * 3, 34)
  return file
}

function findPoison(blobs: string): string {
  const found = jobsWith(blobs, 'command').find((job) =>
    readFileSync(join(blobs, 'jobs', job, 'command')).includes(poisonName),
  )
  if (found === undefined) throw new Error('the poison file was not submitted')
  return found
}

/** When the last job was announced. */
const lastEndMs = (blobs: string) =>
  Math.max(
    ...jobsWith(blobs, 'announced').map(
      (job) => statSync(join(blobs, 'jobs', job, 'announced')).mtimeMs,
    ),
  )

/** Resident memory in MB; empty if the process has ended. */
function readMemory(pid: number | undefined): number[] {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? [] : [Math.round(Number(kilobytes) / 1024)]
  } catch {
    return []
  }
}

/** The mean of one quarter of the values, from 0. */
function quarter(values: readonly number[], which: number): number {
  const part = values.slice((values.length * which) / 4, (values.length * (which + 1)) / 4)
  return Math.round(part.reduce((sum, value) => sum + value, 0) / part.length)
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
const text = (header: Uint8Array | undefined) => Buffer.from(header ?? '').toString()
