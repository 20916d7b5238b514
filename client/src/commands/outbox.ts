import { announcementBytes } from '@herald/broker/announcement-size'
import type { OutboxEntry } from '@herald/broker/outbox'
import { table } from '@herald/runtime/table'
import { humanBytes, humanDuration, jsonLine, shown } from '@herald/runtime/terminal-text'
import { withOutbox } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'

/** Prints what is not announced yet; resolves to the exit status. */
export async function outboxListCommand(
  options: { json?: boolean },
  { env, terminal }: CommandContext,
): Promise<number> {
  return withOutbox(loadConfig(env), async (kept) => {
    const entries = kept.outbox.entries()
    if (options.json) for (const entry of entries) terminal.print(jsonLine(jsonOf(entry)))
    else if (entries.length === 0) terminal.tell('The outbox is empty: everything is announced.')
    else {
      for (const line of table([headings, ...entries.map(rowOf)])) terminal.print(line)
      terminal.print(totalOf(entries))
    }
    await kept.catchUp()
    return 0
  })
}

/** Publishes what the outbox holds; resolves to 0 when it is empty afterwards, else to 5. */
export async function outboxFlushCommand({ env, terminal, signal }: CommandContext) {
  const config = loadConfig(env)
  return withOutbox(config, async (kept) => {
    const { published, left, reason } = await kept.flush(signal)
    if (left === 0) {
      terminal.tell(published === 0 ? 'Nothing was waiting.' : `${counted(published)} sent.`)
      return 0
    }
    const sent = published === 0 ? '' : `, ${published} sent`
    const why = reason ?? 'the broker takes nothing now'
    terminal.tell(`herald: ${counted(left)} still waiting${sent}: ${shown(why)}`)
    terminal.tell(`  They are kept. When the broker is there: ${config.command} outbox flush`)
    return 5
  })
}

const counted = (count: number) => (count === 1 ? '1 announcement' : `${count} announcements`)

const headings = ['age', 'size', 'file', 'recipients', 'attempts', 'last fault']

const ageOf = ({ createdAt }: OutboxEntry) => Math.max(0, Date.now() - createdAt.getTime())

const sizeOf = ({ announcement }: OutboxEntry) => announcementBytes(announcement)

/** Until when it is set aside for a fault of its own; undefined where it is not, or not any more. */
const asideUntil = ({ notBefore }: OutboxEntry) =>
  notBefore && notBefore.getTime() > Date.now() ? notBefore : undefined

function rowOf(entry: OutboxEntry): string[] {
  return [
    humanDuration(ageOf(entry)),
    humanBytes(sizeOf(entry)),
    shown(entry.announcement.label),
    String(entry.announcement.messages.length),
    String(entry.attempts),
    entry.state === 'prepared' ? 'the file is being put in place' : faultOf(entry),
  ]
}

function faultOf(entry: OutboxEntry): string {
  const fault = shown(entry.lastFault ?? '')
  const until = asideUntil(entry)
  if (until === undefined) return fault
  return `set aside for ${humanDuration(until.getTime() - Date.now())}: ${fault}`
}

/** `3 announcements, 84 kB; the oldest is 2 h old; 1 set aside`. */
function totalOf(entries: readonly OutboxEntry[]): string {
  const bytes = entries.reduce((sum, entry) => sum + sizeOf(entry), 0)
  const aside = entries.filter((entry) => asideUntil(entry) !== undefined).length
  const oldest = humanDuration(Math.max(...entries.map(ageOf)))
  const end = aside === 0 ? '' : `; ${aside} set aside`
  return `${counted(entries.length)}, ${humanBytes(bytes)}; the oldest is ${oldest} old${end}`
}

function jsonOf(entry: OutboxEntry) {
  return {
    id: entry.id,
    state: entry.state,
    file: entry.announcement.label,
    topic: entry.announcement.topic,
    recipients: entry.announcement.messages.length,
    createdAt: entry.createdAt.toISOString(),
    ageMs: ageOf(entry),
    sizeBytes: sizeOf(entry),
    setAsideUntil: asideUntil(entry)?.toISOString() ?? null,
    attempts: entry.attempts,
    lastFault: entry.lastFault ?? null,
    paths: entry.announcement.files.map((file) => file.finalPath),
  }
}
