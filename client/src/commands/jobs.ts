import { setTimeout as sleep } from 'node:timers/promises'
import type { JobStore } from '@herald/broker/job-store'
import { HeraldError } from '@herald/proto/errors'
import { escapeControls, jsonLine, table } from '@herald/runtime/terminal-text'
import { v7 as uuidv7 } from 'uuid'
import { withRelay } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import { fetchResults } from '../jobs/fetch-results.js'
import { findJob, type Job, readJob, stateOf, withJobs } from '../jobs/open-jobs.js'
import { refuseTooManyWaiting, submitJob, untilPublished } from '../jobs/submit-job.js'
import { reportError } from './convert-report.js'
import { exitCodeOf, headings, jsonOf, linesOf, rowOf } from './job-report.js'

/** How many jobs are listed without --all. */
const listedJobs = 50
const readAtOnce = 25
const pollMs = 500

export interface JobsOptions {
  readonly json?: boolean
}

/** Lists jobs, the newest first. */
export async function listCommand(
  { all, json }: JobsOptions & { all?: boolean },
  { env, terminal }: CommandContext,
): Promise<number> {
  return withJobs(loadConfig(env), async (store) => {
    const listed = await store.list()
    const shown = all ? listed : listed.slice(0, listedJobs)
    const rows: string[][] = []
    for (let at = 0; at < shown.length; at += readAtOnce) {
      const some = shown.slice(at, at + readAtOnce)
      for (const job of await Promise.all(some.map(({ id }) => findJob(store, id)))) {
        if (job === undefined) continue
        if (json) terminal.print(jsonLine(jsonOf(job)))
        else rows.push(rowOf(job))
      }
    }
    if (json) return 0
    if (rows.length === 0) terminal.log('There are no jobs.')
    else for (const line of table([headings, ...rows])) terminal.print(line)
    const more = listed.length - shown.length
    if (more > 0) terminal.log(`${more.toLocaleString('en')} older jobs are not shown: --all`)
    return 0
  })
}

/** Shows one job; with `out` also saves its results. */
export async function showCommand(
  id: string,
  { json, out }: JobsOptions & { out?: string },
  { env, terminal }: CommandContext,
): Promise<number> {
  return withJobs(loadConfig(env), async (store) => {
    const job = await readJob(store, id)
    const saved = await saveResults(store, job, out)
    if (json) terminal.print(jsonLine({ ...jsonOf(job), saved }))
    else for (const line of linesOf(job, saved)) terminal.print(escapeControls(line))
    return 0
  })
}

/** Ends jobs that have not ended; the result of others stays. Resolves to 3 if one had ended otherwise. */
export async function cancelCommand(
  ids: readonly string[],
  { env, terminal }: CommandContext,
): Promise<number> {
  return withJobs(loadConfig(env), async (store) => {
    let exitCode = 0
    for (const id of ids) {
      const job = await readJob(store, id)
      const { command } = job
      const ended = await store.end(id, {
        ending: 'JOB_ENDING_CANCELLED',
        endedAtUnixMs: Date.now(),
      })
      await store.stopWaiting(id, command.submitter)
      const state = stateOf({ ...job, ended })
      if (state !== 'cancelled') exitCode = 3
      terminal.print(`${id}  ${state}`)
    }
    return exitCode
  })
}

/** Submits ended jobs again, as new jobs, whose ids are printed. */
export async function retryCommand(
  ids: readonly string[],
  { json }: JobsOptions,
  { env, terminal, signal }: CommandContext,
): Promise<number> {
  const config = loadConfig(env)
  return withJobs(config, (store) =>
    withRelay(config, async (announcer) => {
      const jobs = await Promise.all(ids.map((id) => readJob(store, id)))
      const open = jobs.find((job) => ['waiting', 'running'].includes(stateOf(job)))
      if (open) {
        throw new HeraldError('HERALD_USAGE', `The job ${open.id} has not ended.`, {
          remedy: 'Wait for it, or cancel it first.',
        })
      }
      await refuseTooManyWaiting(store, config, jobs.length)
      for (const { id, command } of jobs) {
        const jobId = uuidv7()
        const submittedAtUnixMs = await store.now()
        const again = {
          ...command,
          jobId,
          submitter: config.submitter,
          uploadKey: store.uploadKey(jobId),
          submittedAtUnixMs,
          expiresAtUnixMs: submittedAtUnixMs + command.expiresAtUnixMs - command.submittedAtUnixMs,
          runId: jobId,
          runSize: 1,
        }
        const upload = await store.blobs.get(command.uploadKey)
        const kept = await submitJob(store, announcer, config, again, upload)
        await untilPublished(announcer, [kept], config, { terminal, signal })
        terminal.print(json ? jsonLine({ job: jobId, retryOf: id }) : `${jobId}  retry of ${id}`)
      }
      return 0
    }),
  )
}

/**
 * Waits until the jobs have ended, and saves their results in `out`. A name that is taken is reported,
 * and the other jobs go on. Resolves to the first failure's status.
 */
export async function waitCommand(
  ids: readonly string[],
  { json, out, timeout }: JobsOptions & { out?: string; timeout: number },
  { env, terminal, signal }: CommandContext,
): Promise<number> {
  const deadline = performance.now() + timeout
  return withJobs(loadConfig(env), async (store) => {
    const statuses: number[] = []
    for (const id of ids) {
      const job = await untilEnded(store, id, deadline, signal)
      let status = exitCodeOf(job)
      const saved = await saveResults(store, job, out).catch((error: unknown) => {
        if (!(error instanceof HeraldError && error.code === 'HERALD_FILE_EXISTS')) throw error
        reportError(terminal, id, error)
        status = error.exitCode
        return []
      })
      if (json) terminal.print(jsonLine({ ...jsonOf(job), saved }))
      else for (const line of linesOf(job, saved)) terminal.print(escapeControls(line))
      statuses.push(status)
    }
    return statuses.find((status) => status !== 0) ?? 0
  })
}

const saveResults = async (store: JobStore, job: Job, out: string | undefined) =>
  out === undefined ? [] : fetchResults(store, job, out)

/** Rejects with HERALD_TIMEOUT after `deadline`, by performance.now(). */
async function untilEnded(
  store: JobStore,
  id: string,
  deadline: number,
  signal: AbortSignal,
): Promise<Job> {
  for (;;) {
    const job = await readJob(store, id)
    if (!['waiting', 'running'].includes(stateOf(job))) return job
    if (performance.now() >= deadline) {
      throw new HeraldError('HERALD_TIMEOUT', `The job ${id} has not ended in time.`, {
        remedy: 'The job continues. Wait again with a longer --timeout.',
      })
    }
    await sleep(Math.min(pollMs, deadline - performance.now()), undefined, { signal })
  }
}
