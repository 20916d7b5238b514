import { maxAttempts } from '@herald/broker/job-store'
import { HeraldError } from '@herald/proto/errors'
import type { JobEnded, ReceivedConvertFile } from '@herald/proto/jobs'
import type { BlobError } from '@herald/runtime/blobs'

export const attemptsExhausted = new HeraldError(
  'HERALD_INTERNAL',
  `Each of ${maxAttempts} attempts ended with an internal error or the end of the worker.`,
  { remedy: 'Check the file, or submit it to workers with more memory.' },
)

/** Recorded before the work was stopped: `JobStore.end` does not change it. */
export const cancelled: JobEnded = { ending: 'JOB_ENDING_CANCELLED' }

export function failure(command: ReceivedConvertFile, error: HeraldError | BlobError): JobEnded {
  const known =
    error instanceof HeraldError
      ? error
      : new HeraldError('HERALD_UNREADABLE_FILE', 'The uploaded file was deleted.', {
          remedy: 'Submit it again.',
        })
  return ending('JOB_ENDING_FAILED', command, known)
}

export function expired(command: ReceivedConvertFile): JobEnded {
  const until = new Date(command.expiresAtUnixMs).toISOString()
  const error = new HeraldError('HERALD_TIMEOUT', `The job was not started before ${until}.`, {
    remedy: 'Submit it again, with a later --expires.',
  })
  return ending('JOB_ENDING_EXPIRED', command, error)
}

function ending(
  kind: 'JOB_ENDING_FAILED' | 'JOB_ENDING_EXPIRED',
  { jobId, runId, fileName, renditions, runSize }: ReceivedConvertFile,
  { code, publicMessage, remedy = '' }: HeraldError,
): JobEnded {
  const endedAtUnixMs = Date.now()
  return {
    ending: kind,
    endedAtUnixMs,
    failed: {
      conversionId: jobId,
      runId,
      fileName,
      formats: renditions.map(({ format }) => format),
      code,
      message: publicMessage,
      remedy,
      failedAtUnixMs: endedAtUnixMs,
      runSize,
    },
  }
}
