import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BenchContext } from './bench.js'
import type { SinkReport } from './programs/sink.js'

const program = fileURLToPath(new URL('./programs/sink.js', import.meta.url))

/** The mail server of a bench. */
export interface SmtpSink {
  readonly port: number
  /** Resets the counts; resolves when `mails` different mails were received since. Rejects after `timeoutMs`. */
  expect(mails: number, timeoutMs?: number): Promise<SinkReport>
  /** The same without a reset. */
  reach(mails: number, timeoutMs?: number): Promise<SinkReport>
  /** What was received so far. */
  report(): Promise<SinkReport>
}

export async function startSink(
  context: BenchContext,
  { delayMs = 0, times = false } = {},
): Promise<SmtpSink> {
  const child: ChildProcess = fork(program, [String(delayMs), times ? 'times' : ''])
  context.defer(() => child.kill())
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

/** Throws if a mail was lost or received twice. */
export function requireOnce({ count, unique }: SinkReport, mails: number): void {
  if (unique === mails && count === mails) return
  throw new Error(`${mails} events gave ${count} mails, ${unique} of them different`)
}

/**
 * Mails per second, from the first `skipped` mails (the bench `start` measures the start) to the last
 * of `count`. Stops the sender. Rejects if a mail was lost or received twice.
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
