import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StackInUse } from '../find-stack.js'
import { type ConvertedLine, heraldConvert } from '../herald-cli.js'
import { type InboxWatch, watchInbox } from '../inbox-watch.js'
import { mailPage } from './mail-page.js'
import type { Report } from './report.js'

export interface DemoOptions {
  /** Where the renditions and the mail are put. */
  readonly out: string
  /** How long the mail may take, in milliseconds. */
  readonly patienceMs: number
  readonly report: Report
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/** Why the demo did not show what it should: for a person. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
}

const picture = fileURLToPath(new URL('../../../sample/herald-at-dusk.jpg', import.meta.url))
const recipient = 'you@example.com'

/** Does Herald's main job once and reports each step. Rejects with DemoError where a step fails. */
export async function runDemo(place: StackInUse, options: DemoOptions): Promise<void> {
  const { out, report } = options
  report.title(place.description)
  report.picture(near(picture), (await stat(picture)).size)

  await mkdir(out, { recursive: true })
  const watch = await watchInbox(place.addresses.inbox)
  try {
    const line = await convert(place, options)
    const [event] = line.events
    if (!event || line.topic === null || line.warning !== null) {
      throw new DemoError(`The conversion is not announced. ${line.warning ?? ''}`.trimEnd())
    }
    report.announced(line.topic, event)
    const { mail, seenAt } = await arrival(watch, line, place, options)
    report.mailed(mail, Math.max(0, seenAt - madeAt(event.id)))

    const page = join(out, 'mail.html')
    await writeFile(page, mailPage(mail))
    const files = [...line.renditions.map(({ path }) => path), page].map(near)
    report.whereabouts(files, place.own ? [] : [place.addresses.inbox, place.addresses.web])
    // Since this process began, its stack's start included.
    report.end(performance.now())
  } finally {
    watch.close()
  }
}

async function convert({ addresses }: StackInUse, { out, report, env, signal }: DemoOptions) {
  const begun = performance.now()
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
    const why = line?.error ? `${line.error.message} ${line.error.remedy ?? ''}` : stderr
    throw new DemoError(`The picture could not be converted: ${why.trim()}`)
  }
  report.converted(line, performance.now() - begun)
  return line
}

async function arrival(
  watch: InboxWatch,
  { conversionId }: ConvertedLine,
  { addresses }: StackInUse,
  { patienceMs }: DemoOptions,
) {
  const found = await watch.arrival((mail) => mail.text.includes(conversionId), patienceMs)
  if (found) return found
  throw new DemoError(
    [
      `No e-mail about this conversion came within ${patienceMs / 1000} s.`,
      ...(await notifierReasons(addresses.notifier)),
      `The event is safe in the topic: it is mailed once the notifier can.`,
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

/** An event's id is a UUIDv7, made when the last rendition had its name: the time leads it. */
const madeAt = (eventId: string) => Number.parseInt(eventId.replace('-', '').slice(0, 12), 16)

function near(path: string): string {
  const below = relative(process.cwd(), path)
  return below.startsWith('..') ? path : below
}
