import { hostname } from 'node:os'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  type ConvertFile,
  decodeConvertFile,
  decodeJobEnded,
  encodeConvertFile,
  encodeJobEnded,
  type JobEnded,
  type ReceivedConvertFile,
  type ReceivedJobEnded,
} from '@herald/proto/jobs'
import { BlobError, type BlobSource, type BlobStore, readStoreClock } from '@herald/runtime/blobs'

/** A job is not tried again after so many attempts that ended with an internal error or a killed worker. */
export const maxAttempts = 3

/** A topic keeps commands for seven days: a job that has not expired by then would never end. */
export const maxExpiryMs = 6 * 86_400_000

const clockKeptMs = 3_600_000

/** What the names of a job's blobs show, without reading one. */
export interface ListedJob {
  readonly id: string
  readonly submittedAtMs: number
  /** Attempts that run, or ended without a result. */
  readonly attempts: number
  /** Undefined if it has not ended. */
  readonly endedAtMs: number | undefined
}

/**
 * The state of jobs, in a blob store that the CLI and every worker use. Each step is one blob that is put
 * once: the first to put `ended` decides how the job ended, so a job ends once, whatever runs at
 * the same time. All methods reject with BlobError.
 *
 *     jobs/<id>/upload            the file
 *     jobs/<id>/command           ConvertFile
 *     jobs/<id>/attempt-<n>       there while attempt n runs, and stays if its worker was killed
 *     jobs/<id>/results/<run>/…   the renditions
 *     jobs/<id>/ended             JobEnded
 *     jobs/<id>/announced         the announcement is published
 *     waiting/<submitter>/<id>    there until the job has ended
 *     clock                       its time of change shows the store's time
 */
export class JobStore {
  readonly blobs: BlobStore
  /** The store's time minus the monotonic clock of this process, and when that was measured. */
  #clock: { readonly offsetMs: Promise<number>; readonly measuredAtMs: number } | undefined

  constructor(blobs: BlobStore) {
    this.blobs = blobs
  }

  /**
   * The time by the store's clock, to within a second: that of every time of a job which programs on
   * several machines compare. It is measured at most once an hour.
   */
  async now(): Promise<number> {
    const nowMs = performance.now()
    if (this.#clock === undefined || nowMs - this.#clock.measuredAtMs > clockKeptMs) {
      const offsetMs = readStoreClock(this.blobs).then((time) => time - nowMs)
      this.#clock = { offsetMs, measuredAtMs: nowMs }
      offsetMs.catch(() => {
        this.#clock = undefined
      })
    }
    return Math.round(performance.now() + (await this.#clock.offsetMs))
  }

  /** The key of a job's file. */
  uploadKey(id: string): string {
    return `jobs/${id}/upload`
  }

  /** The key of a rendition. `run` is unique to the attempt, so that two never write the same key. */
  resultKey(id: string, run: string, name: string): string {
    return `jobs/${id}/results/${run}/${name}`
  }

  /** Records a job with its file. It is durable when this resolves, and its command may be published. */
  async add(command: ConvertFile & { jobId: string }, upload: BlobSource): Promise<void> {
    const { jobId, submitter = '' } = command
    await this.blobs.put(this.uploadKey(jobId), upload)
    await this.#put(waitingKey(submitter, jobId), Buffer.from(jobId))
    await this.#put(`jobs/${jobId}/command`, encodeConvertFile(command))
  }

  /** Undefined if there is no such job. */
  async command(id: string): Promise<ReceivedConvertFile | undefined> {
    const bytes = await this.#read(`jobs/${id}/command`)
    return bytes && decodeConvertFile(bytes)
  }

  /** How the job ended; undefined if it has not. */
  async ended(id: string): Promise<ReceivedJobEnded | undefined> {
    const bytes = await this.#read(endedKey(id))
    return bytes && decodeJobEnded(bytes)
  }

  async hasEnded(id: string): Promise<boolean> {
    return (await this.blobs.head(endedKey(id))) !== undefined
  }

  /** Ends the job. Resolves to how it ended: as given, or as was recorded before. */
  async end(id: string, ended: JobEnded): Promise<ReceivedJobEnded> {
    const bytes = encodeJobEnded(ended)
    if (await this.#putNew(endedKey(id), bytes)) return decodeJobEnded(bytes)
    const recorded = await this.ended(id)
    if (recorded === undefined) throw new Error(`the end of job ${id} was removed`)
    return recorded
  }

  /** Removes the job from those that `countWaiting` counts. Idempotent. */
  stopWaiting(id: string, submitter: string): Promise<void> {
    return this.blobs.delete(waitingKey(submitter, id))
  }

  /** The submitter's jobs that have not ended; `max` at most are counted. */
  async countWaiting(submitter: string, max: number): Promise<number> {
    let count = 0
    for await (const _ of this.blobs.list(waitingKey(submitter, ''))) {
      count += 1
      if (count >= max) break
    }
    return count
  }

  /** Attempts that run, or whose worker was killed. */
  async attempts(id: string): Promise<number> {
    let count = 0
    while (count < maxAttempts && (await this.blobs.head(attemptKey(id, count + 1)))) count += 1
    return count
  }

  /** Resolves to false if another worker has begun this attempt. */
  beginAttempt(id: string, attempt: number): Promise<boolean> {
    const text = JSON.stringify({ host: hostname(), pid: process.pid, startedAt: new Date() })
    return this.#putNew(attemptKey(id, attempt), Buffer.from(text))
  }

  /** The attempt does not count: its worker was stopped, or could not reach something. */
  dropAttempt(id: string, attempt: number): Promise<void> {
    return this.blobs.delete(attemptKey(id, attempt))
  }

  async isAnnounced(id: string): Promise<boolean> {
    return (await this.blobs.head(`jobs/${id}/announced`)) !== undefined
  }

  async markAnnounced(id: string): Promise<void> {
    await this.#putNew(`jobs/${id}/announced`, Buffer.from(new Date().toISOString()))
  }

  /** All jobs, the newest first. Reads names only. */
  async list(): Promise<ListedJob[]> {
    const jobs = new Map<string, { submittedAtMs: number; attempts: number; endedAtMs?: number }>()
    for await (const { key, modifiedAtMs } of this.blobs.list('jobs/')) {
      const [, id = '', name = ''] = key.split('/')
      const job = jobs.get(id) ?? { submittedAtMs: modifiedAtMs, attempts: 0 }
      jobs.set(id, job)
      if (name === 'upload') job.submittedAtMs = modifiedAtMs
      else if (name === 'ended') job.endedAtMs = modifiedAtMs
      else if (name.startsWith('attempt-')) job.attempts += 1
    }
    return [...jobs]
      .map(([id, job]) => ({ endedAtMs: undefined, ...job, id }))
      .sort((a, b) => (a.id < b.id ? 1 : -1))
  }

  /** Removes everything of a job. Idempotent. */
  async remove(id: string): Promise<void> {
    const command = await this.command(id)
    if (command) await this.stopWaiting(id, command.submitter)
    for await (const { key } of this.blobs.list(`jobs/${id}/`)) await this.blobs.delete(key)
  }

  /** Removes the renditions of one run of the worker. Idempotent. */
  async removeResults(id: string, run: string): Promise<void> {
    const prefix = this.resultKey(id, run, '')
    for await (const { key } of this.blobs.list(prefix)) await this.blobs.delete(key)
  }

  async #read(key: string): Promise<Buffer | undefined> {
    try {
      return await buffer(await this.blobs.get(key))
    } catch (error) {
      if (error instanceof BlobError && error.code === 'BLOB_MISSING') return undefined
      throw error
    }
  }

  #put(key: string, bytes: Buffer): Promise<void> {
    return this.blobs.put(key, Readable.from([bytes]))
  }

  /** Resolves to false if there is such a blob; it stays as it is. */
  async #putNew(key: string, bytes: Buffer): Promise<boolean> {
    try {
      await this.#put(key, bytes)
      return true
    } catch (error) {
      if (error instanceof BlobError && error.code === 'BLOB_EXISTS') return false
      throw error
    }
  }
}

const endedKey = (id: string) => `jobs/${id}/ended`
const attemptKey = (id: string, attempt: number) => `jobs/${id}/attempt-${attempt}`
/** Submitters' names are checked by the configuration: they are names of one folder. */
const waitingKey = (submitter: string, id: string) => `waiting/${submitter}/${id}`
