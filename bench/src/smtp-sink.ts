import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BenchStage } from './bench.js'
import type { SinkReport } from './programs/sink.js'

const program = fileURLToPath(new URL('./programs/sink.js', import.meta.url))

/** The mail server that every sender of a bench hands its mail to. */
export interface SmtpSink {
  readonly port: number
  /** Forgets what came; resolves when `mails` different ones have come since. Rejects when they do not within `timeoutMs`. */
  expect(mails: number, timeoutMs?: number): Promise<SinkReport>
  /** As expect, but counts on from what has come already. */
  reach(mails: number, timeoutMs?: number): Promise<SinkReport>
  /** What has come so far. */
  report(): Promise<SinkReport>
}

export async function startSink(
  stage: BenchStage,
  { delayMs = 0, times = false } = {},
): Promise<SmtpSink> {
  const child: ChildProcess = fork(program, [String(delayMs), times ? 'times' : ''])
  stage.defer(() => child.kill())
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const wait = async (message: object, timeoutMs: number) => {
    const done = once(child, 'message', { signal: AbortSignal.timeout(timeoutMs) })
    child.send(message)
    const [report] = (await done) as [SinkReport]
    return report
  }
  return {
    port,
    expect: (mails, timeoutMs = 300_000) => wait({ reset: true, expect: mails }, timeoutMs),
    reach: (mails, timeoutMs = 300_000) => wait({ expect: mails }, timeoutMs),
    async report() {
      const answer = once(child, 'message')
      child.send({ report: true })
      const [report] = (await answer) as [SinkReport]
      return report
    },
  }
}

/** Rejects a run in which a mail was lost or came twice: a fast one is worth nothing then. */
export function requireOnce({ count, unique }: SinkReport, mails: number): void {
  if (unique === mails && count === mails) return
  throw new Error(`${mails} events gave ${count} mails, ${unique} of them different`)
}

/**
 * Mails a second, from the first `skipped` mails (what a start costs is measured by the bench
 * `start`) to the last of `count`. Stops the sender. Rejects as `requireOnce` does.
 */
export async function mailsPerSecond(
  sink: SmtpSink,
  { count, skipped }: { count: number; skipped: number },
  startSender: () => Promise<{ stop(): Promise<void> }>,
): Promise<number> {
  const begun = sink.expect(skipped)
  const sender = await startSender()
  await begun
  const { unique } = await sink.report()
  const from = performance.now()
  await sink.reach(count)
  const seconds = (performance.now() - from) / 1000
  await sender.stop()
  requireOnce(await sink.report(), count)
  return (count - unique) / seconds
}
