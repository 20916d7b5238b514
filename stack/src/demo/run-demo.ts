import { stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFolder } from '@herald/runtime/create-folder'
import type { StackInUse } from '../find-stack.js'
import { type ConvertedLine, heraldConvert } from '../herald-cli.js'
import { type InboxWatch, watchInbox } from '../inbox-watch.js'
import { mailPage } from './mail-page.js'
import type { Report } from './report.js'

export interface DemoOptions {
  /** The folder for the renditions and the mail. */
  readonly out: string
  /** How long to wait for the mail. */
  readonly mailTimeoutMs: number
  readonly report: Report
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/** A step of the demo failed; the message is for a person. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
}

const picture = fileURLToPath(new URL('../../../sample/herald-at-dusk.jpg', import.meta.url))
const recipient = 'you@example.com'

/** Does Herald's main job once and reports each step. Rejects with DemoError if a step fails. */
export async function runDemo(stack: StackInUse, options: DemoOptions): Promise<void> {
  const { out, report } = options
  report.title(stack.description)
  report.picture(near(picture), (await stat(picture)).size)

  await createFolder(out)
  const watch = await watchInbox(stack.addresses.inbox)
  try {
    const line = await convert(stack, options)
    const [event] = line.events
    if (!event || line.topic === null || line.warning !== null) {
      throw new DemoError(`The conversion was not announced. ${line.warning ?? ''}`.trimEnd())
    }
    report.announced(line.topic, event)
    const { mail, seenAt } = await waitForMail(watch, line, stack, options)
    report.mailed(mail, Math.max(0, seenAt - createdAt(event.id)))

    const page = join(out, 'mail.html')
    await writeFile(page, mailPage(mail))
    const files = [...line.renditions.map(({ path }) => path), page].map(near)
    report.results(files, stack.own ? [] : [stack.addresses.inbox, stack.addresses.web])
    // Since this process started, so the start of the stack is included.
    report.end(performance.now())
  } finally {
    watch.close()
  }
}

async function convert({ addresses }: StackInUse, { out, report, env, signal }: DemoOptions) {
  const startedAt = performance.now()
  const { exitCode, lines, stderr } = await heraldConvert(
    [
      picture,
      '--to',
      'webp,avif,jpeg',
      '--width',
      '1600',
      '--out',
      out,
      '--force',
      '--notify',
      recipient,
    ],
    addresses,
    { env, signal },
  )
  const [line] = lines
  if (exitCode !== 0 || !line?.ok) {
    const reason = line?.error ? `${line.error.message} ${line.error.remedy ?? ''}` : stderr
    throw new DemoError(`The picture could not be converted: ${reason.trim()}`)
  }
  report.converted(line, performance.now() - startedAt)
  return line
}

async function waitForMail(
  watch: InboxWatch,
  { conversionId }: ConvertedLine,
  { addresses }: StackInUse,
  { mailTimeoutMs }: DemoOptions,
) {
  const found = await watch.arrival((mail) => mail.text.includes(conversionId), mailTimeoutMs)
  if (found) return found
  throw new DemoError(
    [
      `No e-mail about this conversion arrived within ${mailTimeoutMs / 1000} s.`,
      ...(await notifierReasons(addresses.notifier)),
      'The event is stored in the topic. It is mailed when the notifier works again.',
    ].join('\n'),
  )
}

async function notifierReasons(probes: string): Promise<string[]> {
  try {
    const response = await fetch(`${probes}/readyz`, { signal: AbortSignal.timeout(2000) })
    const { reasons } = (await response.json()) as { reasons: string[] }
    return reasons.map((reason) => `Notifier: ${reason}`)
  } catch {
    return [`The notifier does not answer at ${probes}.`]
  }
}

/** The time in the event's id: a UUIDv7, created when the last rendition got its final name. */
const createdAt = (eventId: string) => Number.parseInt(eventId.replace('-', '').slice(0, 12), 16)

function near(path: string): string {
  const below = relative(process.cwd(), path)
  return below.startsWith('..') ? path : below
}
