import { highTopic, toCommandMessage } from '@herald/broker/convert-command'
import type { JobStore } from '@herald/broker/job-store'
import { HeraldError } from '@herald/proto/errors'
import type { ConvertFile } from '@herald/proto/jobs'
import type { BlobSource } from '@herald/runtime/blobs'
import { escapeControls } from '@herald/runtime/terminal-text'
import type { Announcer } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import type { ClientConfig } from '../config.js'
import type { KeptAnnouncement } from '../convert-and-announce.js'
import { newTraceparent } from '../trace.js'

/**
 * Uploads the file, then writes the command to the outbox. When this resolves, both are durable, and
 * a relay publishes the command. Rejects with BlobError, or as the outbox does; then there is no job.
 */
export async function submitJob(
  store: JobStore,
  { outbox }: Pick<Announcer, 'outbox'>,
  config: ClientConfig,
  command: ConvertFile & { readonly jobId: string; readonly fileName: string },
  upload: BlobSource,
): Promise<KeptAnnouncement> {
  const { jobId, fileName, priority, submittedAtUnixMs } = command
  const { source, jobsTopic } = config
  const time = new Date(Number(submittedAtUnixMs))
  const message = toCommandMessage({ source, time, traceparent: newTraceparent() }, command)
  try {
    await store.add(command, upload)
    const entryId = await outbox.prepare({
      topic: priority === 'PRIORITY_HIGH' ? highTopic(jobsTopic) : jobsTopic,
      messages: [message],
      files: [],
      label: fileName,
    })
    return { entryId, events: [{ id: jobId, recipient: '' }] }
  } catch (error) {
    await store.remove(jobId).catch(() => {})
    throw error
  }
}

/**
 * Waits until the commands are published, as long as some of them are. Those that are not stay in the
 * outbox, with a warning.
 */
export async function untilPublished(
  announcer: Announcer,
  kept: readonly KeptAnnouncement[],
  { command }: ClientConfig,
  { terminal, signal }: Pick<CommandContext, 'terminal' | 'signal'>,
): Promise<void> {
  // The outbox keeps the last 10,000 published entries: one that it no longer has was published.
  const isPublished = ({ entryId }: KeptAnnouncement) =>
    (announcer.outbox.entry(entryId)?.state.kind ?? 'published') === 'published'
  const last = kept.at(-1)
  let reason = last && (await announcer.untilPublished(last)).reason
  if (!kept.every(isPublished) && kept.some(isPublished)) {
    reason = (await announcer.flush(signal)).reason
  }
  const left = kept.filter((each) => !isPublished(each)).length
  if (left === 0) return
  terminal.log(
    `herald: ${left} of ${kept.length} jobs are not published yet; they are kept in the outbox.`,
  )
  if (reason !== undefined) terminal.log(`  ${escapeControls(reason)}`)
  terminal.log(`  When the broker is available: ${command} outbox flush`)
}

/** Rejects with HERALD_BUSY if the submitter would have more jobs waiting than allowed. */
export async function refuseTooManyWaiting(
  store: JobStore,
  { submitter, maxWaitingJobs }: ClientConfig,
  more: number,
): Promise<void> {
  const waiting = await store.countWaiting(submitter, maxWaitingJobs + 1)
  if (waiting + more <= maxWaitingJobs) return
  const count = (jobs: number) => jobs.toLocaleString('en')
  throw new HeraldError(
    'HERALD_BUSY',
    `${submitter} has ${count(waiting)} jobs that have not ended, and at most ${count(maxWaitingJobs)} are allowed; ${count(more)} more cannot be submitted.`,
    { remedy: 'Wait until some have ended, cancel some, or raise HERALD_JOBS_WAITING.' },
  )
}
