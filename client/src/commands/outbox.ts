import { brokerName } from '@herald/broker/broker-name'
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
  const config = loadConfig(env)
  const broker = brokerName(config.broker)
  return withOutbox(config, async (kept) => {
    const entries = kept.outbox.entries()
    if (options.json) for (const entry of entries) terminal.print(jsonLine(jsonOf(entry)))
    else if (entries.length === 0) terminal.tell('The outbox is empty: everything is announced.')
    else {
      const rows = entries.map((entry) => rowOf(entry, broker))
      for (const line of table([headings, ...rows])) terminal.print(line)
      terminal.print(totalOf(entries, broker))
    }
    await kept.catchUp()
    return 0
  })
}

/** Publishes what the outbox holds for this broker; resolves to 0 if it is empty afterwards, else to 5. */
export async function outboxFlushCommand({ env, terminal, signal }: CommandContext) {
  const config = loadConfig(env)
  return withOutbox(config, async (kept) => {
    const { published, left, reason } = await kept.flush(signal)
    const others = otherBrokers(kept.outbox.entries(), brokerName(config.broker))
    for (const [name, count] of others) {
      terminal.tell(`herald: ${counted(count)} for another broker, ${shown(name)}: not sent`)
      terminal.tell(`  To send: set HERALD_BROKER to it, then ${config.command} outbox flush`)
    }
    if (left === 0) {
      const nothing =
        others.size === 0 ? 'Nothing was waiting.' : 'Nothing was waiting for this one.'
      terminal.tell(published === 0 ? nothing : `${counted(published)} sent.`)
      return others.size === 0 ? 0 : 5
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

/** How many entries are for each broker that is not this one. */
function otherBrokers(entries: readonly OutboxEntry[], own: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { broker } of entries) {
    if (broker !== own) counts.set(broker, (counts.get(broker) ?? 0) + 1)
  }
  return counts
}

/** Until when it is set aside for an error of its own; undefined if it is not, or not any more. */
const asideUntil = ({ notBefore }: OutboxEntry) =>
  notBefore && notBefore.getTime() > Date.now() ? notBefore : undefined

function rowOf(entry: OutboxEntry, broker: string): string[] {
  return [
    humanDuration(ageOf(entry)),
    humanBytes(entry.bytes),
    shown(entry.label),
    String(entry.events.length),
    String(entry.attempts),
    entry.broker === broker ? faultOf(entry) : `for ${shown(entry.broker)}`,
  ]
}

function faultOf(entry: OutboxEntry): string {
  const fault = shown(entry.lastFault ?? '')
  if (entry.state === 'prepared') return fault || 'the file is being put in place'
  const until = asideUntil(entry)
  if (until === undefined) return fault
  return `set aside for ${humanDuration(until.getTime() - Date.now())}: ${fault}`
}

/** `3 announcements, 84 kB; the oldest is 2 h old; 1 set aside; 2 for kafka://host:9092`. */
function totalOf(entries: readonly OutboxEntry[], broker: string): string {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  const aside = entries.filter((entry) => asideUntil(entry) !== undefined).length
  const oldest = humanDuration(Math.max(...entries.map(ageOf)))
  const others = [...otherBrokers(entries, broker)].map(([name, n]) => `${n} for ${shown(name)}`)
  const parts = [`the oldest is ${oldest} old`, ...(aside ? [`${aside} set aside`] : []), ...others]
  return [`${counted(entries.length)}, ${humanBytes(bytes)}`, ...parts].join('; ')
}

function jsonOf(entry: OutboxEntry) {
  return {
    id: entry.id,
    state: entry.state,
    file: entry.label,
    broker: entry.broker,
    topic: entry.topic,
    recipients: entry.events.length,
    createdAt: entry.createdAt.toISOString(),
    ageMs: ageOf(entry),
    sizeBytes: entry.bytes,
    setAsideUntil: asideUntil(entry)?.toISOString() ?? null,
    attempts: entry.attempts,
    lastFault: entry.lastFault ?? null,
    paths: entry.files.map((file) => file.finalPath),
  }
}
