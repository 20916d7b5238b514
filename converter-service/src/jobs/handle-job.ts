import type { Broker, Delivery, DeliveryContext, Handler } from '@herald/broker'
import { RetryLater } from '@herald/broker'
import { fromCommandMessage, type ReceivedCommand } from '@herald/broker/convert-command'
import { type JobStore, maxAttempts } from '@herald/broker/job-store'
import { EventError } from '@herald/broker/message'
import { HeraldError } from '@herald/proto/errors'
import type { JobEnded, ReceivedJobEnded } from '@herald/proto/jobs'
import { BlobError } from '@herald/runtime/blobs'
import type { Logger } from '@herald/runtime/logger'
import type { Conversions } from '../start-conversions.js'
import { announcementOf, publishDeadLetter } from './announce-job.js'
import type { WorkerConfig } from './config.js'
import { attemptsExhausted, cancelled, expired, failure } from './job-endings.js'
import { type MadeRenditions, makeRenditions } from './make-renditions.js'
import type { TurnKind, Turns } from './turns.js'

export interface JobServices {
  readonly config: Pick<WorkerConfig, 'topic' | 'jobsTopic'>
  readonly broker: Broker
  readonly store: JobStore
  readonly conversions: Conversions
  readonly turns: Turns
  readonly logger: Logger
}

/** How often it is checked whether a running job was cancelled. */
const cancelPollMs = 2000

/**
 * The handler of a topic of commands. It acknowledges a command when its job has ended and the
 * announcement is published; the command is the record that this remains to be done, so a worker
 * needs no outbox. Everything before can be done again.
 */
export function jobHandler(services: JobServices, kind: TurnKind): Handler {
  return async (delivery, context) => {
    const { config, broker, store, turns } = services
    let received: ReceivedCommand
    try {
      received = fromCommandMessage(delivery)
    } catch (error) {
      if (!(error instanceof EventError)) throw error
      await publishDeadLetter(broker, config.jobsTopic, delivery, error.message)
      return
    }
    const { jobId } = received.command
    // A job that may have killed its worker runs alone, so that it costs no other job an attempt.
    const isSuspect = (await store.attempts(jobId)) > 0
    await turns.run(isSuspect ? 'alone' : kind, context.signal, async () => {
      const ended = (await store.ended(jobId)) ?? (await runJob(received, services, context))
      await finish(received, delivery, ended, services)
    })
  }
}

/** Resolves to how the job ended. Rejects if it is to be tried again. */
async function runJob(
  { command }: ReceivedCommand,
  { store, conversions, logger: parent }: JobServices,
  { signal }: DeliveryContext,
): Promise<ReceivedJobEnded> {
  const { jobId } = command
  const logger = parent.child({ job: jobId })
  if (command.expiresAtUnixMs < (await store.now())) {
    logger.info('the job has expired')
    return store.end(jobId, expired(command))
  }
  const attempts = await store.attempts(jobId)
  if (attempts >= maxAttempts) return store.end(jobId, failure(command, attemptsExhausted))
  const attempt = attempts + 1
  if (!(await store.beginAttempt(jobId, attempt))) {
    throw new RetryLater(cancelPollMs, { cause: 'another worker has begun the same attempt' })
  }
  const watch = watchCancel(store, jobId, signal)
  const startedAt = performance.now()
  const recordOutcome = (outcome: string) =>
    conversions.metrics.finished(outcome, performance.now() - startedAt)
  let made: MadeRenditions
  try {
    made = await makeRenditions(command, store, conversions, { signal: watch.signal, logger })
  } catch (thrown) {
    const error = watch.signal.aborted ? watch.signal.reason : thrown
    const code = error instanceof HeraldError ? error.code : 'HERALD_INTERNAL'
    recordOutcome(code)
    logger.info({ code, attempt, err: error }, 'conversion failed')
    if (watch.cancelled) return store.end(jobId, cancelled)
    if (isFinal(error)) return store.end(jobId, failure(command, error))
    // An internal error counts as an attempt, because the file may have caused it.
    const counts = code === 'HERALD_INTERNAL' && !isEnvironmentError(error) && !signal.aborted
    if (!counts) await store.dropAttempt(jobId, attempt)
    throw error
  } finally {
    watch.stop()
  }
  const ended = await store.end(jobId, made.ended)
  recordOutcome('ok')
  conversions.metrics.worked(made.summary)
  if (ended.ending !== 'JOB_ENDING_FINISHED' || !sameResults(ended, made.ended)) {
    await made.discard()
  }
  logger.info({ attempt, files: ended.resultKeys.length }, 'converted')
  return ended
}

/** Announces how the job ended, unless that is done. */
async function finish(
  received: ReceivedCommand,
  delivery: Delivery,
  ended: ReceivedJobEnded,
  { config, broker, store }: JobServices,
): Promise<void> {
  const { jobId, submitter } = received.command
  if (!(await store.isAnnounced(jobId))) {
    if (ended.ending === 'JOB_ENDING_FAILED') {
      const { code = '', message = '' } = ended.failed ?? {}
      await publishDeadLetter(broker, config.jobsTopic, delivery, `${code}: ${message}`)
    }
    const messages = announcementOf(received, ended)
    if (messages.length > 0) await broker.publish(config.topic, messages)
    await store.markAnnounced(jobId)
  }
  await store.stopWaiting(jobId, submitter)
}

/** A signal that is aborted with `outer`, and when the job was cancelled. */
function watchCancel(store: JobStore, jobId: string, outer: AbortSignal) {
  const stop = new AbortController()
  let isCancelled = false
  const timer = setInterval(async () => {
    // The next check may succeed.
    isCancelled ||= await store.hasEnded(jobId).catch(() => false)
    if (isCancelled) stop.abort(new HeraldError('HERALD_CANCELLED', 'The job was cancelled.'))
  }, cancelPollMs)
  const abort = () => stop.abort(outer.reason)
  outer.addEventListener('abort', abort)
  if (outer.aborted) abort()
  return {
    signal: stop.signal,
    get cancelled() {
      return isCancelled
    },
    stop() {
      clearInterval(timer)
      outer.removeEventListener('abort', abort)
    },
  }
}

const sameResults = (one: ReceivedJobEnded, other: JobEnded) =>
  one.resultKeys[0] === other.resultKeys?.[0]

/** The blob store or the spool cannot be used: its disk is full, for example. */
const isEnvironmentError = (error: unknown) =>
  error instanceof BlobError || (error instanceof Error && 'syscall' in error)

/** Another attempt would end in the same way. */
const isFinal = (error: unknown): error is HeraldError =>
  (error instanceof BlobError && error.code === 'BLOB_MISSING') ||
  (error instanceof HeraldError &&
    // The upload in the blob store does not change.
    (!error.retryable || error.code === 'HERALD_DAMAGED_TRANSFER') &&
    !['HERALD_INTERNAL', 'HERALD_DISK_FULL', 'HERALD_CANNOT_WRITE', 'HERALD_CANCELLED'].includes(
      error.code,
    ))
