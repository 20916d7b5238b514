import { errorTable, knownErrorCode } from '@herald/proto/errors'
import { cut, escapeControls, humanBytes, humanDuration } from '@herald/runtime/terminal-text'
import { type Job, stateOf } from '../jobs/open-jobs.js'

/** The exit status of `herald jobs wait` for one job. */
export function exitCodeOf(job: Job): number {
  const state = stateOf(job)
  if (state === 'finished') return 0
  if (state === 'cancelled') return 3
  return errorTable[knownErrorCode(job.ended?.failed?.code) ?? 'HERALD_TIMEOUT'].exitCode
}

export const headings = ['id', 'state', 'age', 'file', 'to', 'submitter']

/** Of a name in the table; `herald jobs show` prints all of it. */
const maxColumns = 40

/** One line of the table. */
export function rowOf(job: Job): string[] {
  const { id, command, readAtMs } = job
  return [
    id,
    stateOf(job),
    humanDuration(Math.max(0, readAtMs - command.submittedAtUnixMs)),
    cut(escapeControls(command.fileName), maxColumns),
    cut(escapeControls(command.renditions.map(({ format }) => format).join(',')), maxColumns),
    cut(escapeControls(command.submitter), maxColumns),
  ]
}

/** What `herald jobs show` prints. */
export function linesOf(job: Job, saved: readonly string[]): string[] {
  const { id, command, attempts, ended } = job
  const failure = ended?.failed
  return [
    `${id}  ${stateOf(job)}`,
    `  file       ${command.fileName} (${humanBytes(command.sizeBytes)})`,
    `  to         ${command.renditions.map(({ format }) => format).join(', ')}`,
    `  submitted  ${isoTime(command.submittedAtUnixMs)} by ${command.submitter}`,
    ...(ended
      ? [`  ended      ${isoTime(ended.endedAtUnixMs)}`]
      : [`  expires    ${isoTime(command.expiresAtUnixMs)}`]),
    ...(attempts > 1 ? [`  attempts   ${attempts}`] : []),
    ...(failure ? [`  reason     ${failure.message} ${failure.remedy}`.trimEnd()] : []),
    ...(ended?.converted?.renditions ?? []).map(
      ({ name, sizeBytes }) => `  result     ${name} (${humanBytes(sizeBytes)})`,
    ),
    ...saved.map((path) => `  saved      ${path}`),
  ]
}

const isoTime = (unixMs: number) => new Date(unixMs).toISOString()

/** What is not known, or does not apply, is null. */
export function jsonOf(job: Job) {
  const { id, command, attempts, ended } = job
  return {
    job: id,
    state: stateOf(job),
    file: command.fileName,
    sizeBytes: command.sizeBytes,
    to: command.renditions.map(({ format }) => format),
    recipients: command.recipients.map(({ address }) => address),
    submitter: command.submitter,
    priority: command.priority === 'PRIORITY_HIGH' ? 'high' : 'normal',
    submittedAt: isoTime(command.submittedAtUnixMs),
    expiresAt: isoTime(command.expiresAtUnixMs),
    attempts,
    endedAt: ended ? isoTime(ended.endedAtUnixMs) : null,
    code: ended?.failed?.code ?? null,
    reason: ended?.failed?.message ?? null,
    results: (ended?.converted?.renditions ?? []).map(({ name, sizeBytes, sha256 }, index) => ({
      name,
      sizeBytes,
      sha256,
      key: ended?.resultKeys[index] ?? null,
    })),
  }
}
