import { HeraldError } from '@herald/proto/errors'
import { humanDuration } from '@herald/runtime/terminal-text'
import { v7 as uuidv7 } from 'uuid'
import { withRelay } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import { announceFailure, convertAndAnnounce } from '../convert-and-announce.js'
import { openConverter } from '../converter-client.js'
import type { InputFile } from '../input-file.js'
import { readLanguage, readRecipients } from '../recipients.js'
import { type ConvertJob, failedJob, faultOf, type JobTools, prepareJobs } from './convert-job.js'
import { jsonReport } from './convert-json.js'
import type { ConvertCommandOptions } from './convert-options.js'
import { type FileOutcome, humanReport } from './convert-report.js'
import { showProgress } from './convert-status.js'

// As many as keep the converter busy while others upload or are saved.
const filesAtOnce = 4

/** Converts the files and announces them; resolves to the exit status. */
export async function convertCommand(
  files: readonly string[],
  options: ConvertCommandOptions,
  { env, terminal, signal }: CommandContext,
): Promise<number> {
  const config = loadConfig(env)
  const run = {
    runId: uuidv7(),
    source: config.source,
    topic: config.topic,
    recipients: readRecipients(options.notify ?? []),
    language: readLanguage(options.language ?? ''),
    overwrite: options.force ?? false,
    timeoutMs: options.timeout,
    signal,
  }
  const report = options.json
    ? jsonReport(terminal, config.topic)
    : humanReport(terminal, process.cwd())
  const converter = openConverter(config.converter)
  try {
    return await withRelay(config, async (announcer) => {
      const tools = { converter, announcer }
      const room = {
        outbox: config.outboxDirectory,
        eventsPerFile: Math.max(1, run.recipients.length),
      }
      const jobs = await prepareJobs(files, options, { ...tools, ...room }).catch(
        (error: unknown) => {
          // A program gets its object for each file also where the whole call fails.
          if (options.json) return files.map((given) => failedJob(given, error))
          throw error
        },
      )
      for (const job of jobs) report.expect(job)
      const status = showProgress(terminal, jobs)
      const outcomes = await convertAll(
        jobs,
        async (job) => {
          const outcome = await convertJob(job, run, tools, status)
          status.finished(job)
          return outcome
        },
        report.done,
      )
      status.end()
      report.end(outcomes)
      if (!signal.aborted) await announcer.catchUp()
      return exitCodeOf(outcomes)
    })
  } finally {
    converter.close()
  }
}

/** Several jobs at once; `done` is called in their order, as soon as that is possible. */
async function convertAll(
  jobs: readonly ConvertJob[],
  convert: (job: ConvertJob) => Promise<FileOutcome>,
  done: (outcome: FileOutcome) => void,
): Promise<FileOutcome[]> {
  const outcomes: FileOutcome[] = []
  let next = 0
  let reported = 0
  const work = async () => {
    for (let at = next++; at < jobs.length; at = next++) {
      outcomes[at] = await convert(jobs[at] as ConvertJob)
      for (let first = outcomes[reported]; first; first = outcomes[++reported]) done(first)
    }
  }
  await Promise.all(Array.from({ length: Math.min(filesAtOnce, jobs.length) }, work))
  return outcomes
}

interface Run {
  readonly runId: string
  readonly source: string
  readonly topic: string
  readonly recipients: readonly string[]
  readonly language: string
  readonly overwrite: boolean
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Never rejects: what goes wrong is the outcome. */
async function convertJob(
  job: ConvertJob,
  run: Run,
  { converter, announcer }: JobTools,
  status: ReturnType<typeof showProgress>,
): Promise<FileOutcome> {
  const { conversionId, traceparent, given, claimed } = job
  const base = {
    given,
    claimed,
    path: job.input?.path,
    conversionId,
    traceparent,
    runId: run.runId,
  }
  try {
    if (run.signal.aborted) throw run.signal.reason
    if (job.fault) throw job.fault
    const { input, renditions } = job as ConvertJob & { input: InputFile }
    const converted = await withDeadline(run, (signal) =>
      convertAndAnnounce(
        { converter, outbox: announcer.outbox },
        {
          ...run,
          conversionId,
          traceparent,
          input,
          renditions,
          signal,
          onProgress: (progress) => status.progress(job, progress),
        },
      ),
    )
    const announced = await announcer.outcome(converted)
    return { ...base, converted, fault: undefined, announced }
  } catch (error) {
    const fault = faultOf(error)
    if (!isWorthTelling(fault, run)) {
      return { ...base, converted: undefined, fault, announced: undefined }
    }
    // A failure that cannot be announced is still the failure to report.
    const announced = await announceFailure(
      announcer.outbox,
      {
        ...run,
        conversionId,
        traceparent,
        fileName: job.input?.name ?? given,
        formats: job.renditions.map(({ spec }) => spec.format),
      },
      fault,
    ).then(
      (kept) => announcer.outcome(kept),
      () => undefined,
    )
    return { ...base, converted: undefined, fault, announced }
  }
}

/**
 * Whoever is named waits for the file: the end of it is news. A wrong call, of a file that is not
 * there too, and a disk that is full are the caller's own affair, and what may succeed at the next try is no end.
 */
function isWorthTelling(fault: HeraldError, { recipients }: Run): boolean {
  return (
    recipients.length > 0 &&
    !fault.retryable &&
    !['HERALD_UNREADABLE_FILE', 'HERALD_DISK_FULL'].includes(fault.code) &&
    ![2, 130].includes(fault.exitCode)
  )
}

async function withDeadline<T>(
  { signal, timeoutMs }: Run,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const timer = setTimeout(() => {
    const message = `It took longer than the ${humanDuration(timeoutMs)} that --timeout allows.`
    const remedy = 'Allow more, such as --timeout 30m, or ask for less: a smaller width.'
    late.abort(new HeraldError('HERALD_TIMEOUT', message, { remedy }))
  }, timeoutMs)
  try {
    return await work(AbortSignal.any([signal, late.signal]))
  } finally {
    clearTimeout(timer)
  }
}

/** That of the first file, in the order named, that failed; of a cancelled call, 130. */
function exitCodeOf(outcomes: readonly FileOutcome[]): number {
  const faults = outcomes.flatMap(({ fault }) => (fault ? [fault] : []))
  return (faults.find(({ code }) => code === 'HERALD_CANCELLED') ?? faults[0])?.exitCode ?? 0
}
