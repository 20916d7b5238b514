import { JobStore } from '@herald/broker/job-store'
import { type ErrorCode, HeraldError } from '@herald/proto/errors'
import type { ReceivedConvertFile, ReceivedJobEnded } from '@herald/proto/jobs'
import { BlobError, type BlobErrorCode, openBlobStore } from '@herald/runtime/blobs'
import { escapeControls } from '@herald/runtime/terminal-text'
import { validate } from 'uuid'
import type { ClientConfig } from '../config.js'

/** Runs `work` with the jobs of the configured blob store. Errors of the store become HeraldError. */
export async function withJobs<T>(
  { blobs: url }: ClientConfig,
  work: (store: JobStore) => Promise<T>,
): Promise<T> {
  try {
    const blobs = await openBlobStore(url)
    try {
      return await work(new JobStore(blobs))
    } finally {
      await blobs.close()
    }
  } catch (error) {
    throw error instanceof BlobError ? ofBlobError(error) : error
  }
}

const codes: Partial<Record<BlobErrorCode, ErrorCode>> = {
  BLOB_FULL: 'HERALD_DISK_FULL',
  BLOB_UNREACHABLE: 'HERALD_UNREACHABLE',
}

const ofBlobError = (error: BlobError) =>
  new HeraldError(codes[error.code] ?? 'HERALD_CANNOT_WRITE', escapeControls(error.message), {
    remedy: 'HERALD_BLOBS names the blob store.',
    cause: error,
  })

export interface Job {
  readonly id: string
  readonly command: ReceivedConvertFile
  readonly attempts: number
  /** Undefined if it has not ended. */
  readonly ended: ReceivedJobEnded | undefined
  /** The time by the store's clock when it was read. */
  readonly readAtMs: number
}

/** Rejects with HERALD_USAGE for a text that is no id, with HERALD_UNREADABLE_FILE for an unknown one. */
export async function readJob(store: JobStore, id: string): Promise<Job> {
  if (!validate(id)) {
    throw new HeraldError('HERALD_USAGE', `"${escapeControls(id)}" is not the id of a job.`, {
      remedy: 'Ids are printed by herald submit and herald jobs.',
    })
  }
  const job = await findJob(store, id)
  if (job === undefined) {
    throw new HeraldError('HERALD_UNREADABLE_FILE', `There is no job ${id}.`, {
      remedy: `It may have been removed, or be in another blob store than ${store.blobs.name}.`,
    })
  }
  return job
}

/** Undefined for an unknown id, and for a job that is being submitted or removed. */
export async function findJob(store: JobStore, id: string): Promise<Job | undefined> {
  const [command, ended, attempts, readAtMs] = await Promise.all([
    store.command(id),
    store.ended(id),
    store.attempts(id),
    store.now(),
  ])
  return command && { id, command, attempts, ended, readAtMs }
}

export type JobState = 'waiting' | 'running' | 'finished' | 'failed' | 'cancelled' | 'expired'

/** `running` is also a job whose worker was killed and that waits for its next attempt. */
export function stateOf({ command, attempts, ended, readAtMs }: Job): JobState {
  switch (ended?.ending) {
    case 'JOB_ENDING_FINISHED':
      return 'finished'
    case 'JOB_ENDING_CANCELLED':
      return 'cancelled'
    case 'JOB_ENDING_EXPIRED':
      return 'expired'
    case undefined:
      if (attempts > 0) return 'running'
      // No worker starts it any more.
      return command.expiresAtUnixMs < readAtMs ? 'expired' : 'waiting'
    default:
      return 'failed'
  }
}
