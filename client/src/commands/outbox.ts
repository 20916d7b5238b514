import { brokerName } from '@herald/broker/broker-name'
import type { OutboxEntry } from '@herald/broker/outbox'
import {
  escapeControls,
  humanBytes,
  humanDuration,
  jsonLine,
  table,
} from '@herald/runtime/terminal-text'
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
    else if (entries.length === 0) terminal.log('The outbox is empty: everything is announced.')
    else {
      const rows = entries.map((entry) => rowOf(entry, broker))
      for (const line of table([headings, ...rows])) terminal.print(line)
      terminal.print(totalOf(entries, broker))
    }
    await kept.catchUp()
    return 0
  })
}

/** Publishes what the outbox holds for this broker; resolves to 0 if nothing is left in it, else to 5. */
export async function outboxFlushCommand({ env, terminal, signal }: CommandContext) {
  const config = loadConfig(env)
  const { broker, command } = config
  return withOutbox(config, async (kept) => {
    const { published, left, reason } = await kept.flush(signal)
    const entries = kept.outbox.entries()
    const others = otherBrokers(entries, brokerName(broker))
    // Without an error, a running process is placing its files.
    const stuck = entries.filter(({ state, lastError }) => state.kind === 'prepared' && lastError)
    for (const [name, count] of others) {
      terminal.log(
        `herald: ${counted(count)} for another broker, ${escapeControls(name)}: not sent`,
      )
      terminal.log(`  To send: set HERALD_BROKER to it, then ${command} outbox flush`)
    }
    for (const { id, label, lastError = '' } of stuck) {
      terminal.log(
        `herald: ${escapeControls(label)} cannot be announced: ${escapeControls(lastError)}`,
      )
      terminal.log(`  To give it up: ${command} outbox drop ${id}`)
    }
    if (left > 0) {
      const why = escapeControls(reason ?? 'the broker accepts no messages now')
      const also = published === 0 ? '' : `, ${published} sent`
      terminal.log(`herald: ${counted(left)} still waiting${also}: ${why}`)
      terminal.log(`  They are kept. When the broker is available: ${command} outbox flush`)
    } else if (published > 0) terminal.log(`${counted(published)} sent.`)
    else if (stuck.length === 0) {
      terminal.log(
        others.size === 0 ? 'Nothing was waiting.' : 'Nothing was waiting for this broker.',
      )
    }
    return left + stuck.length + others.size === 0 ? 0 : 5
  })
}

const counted = (count: number) => (count === 1 ? '1 announcement' : `${count} announcements`)

const headings = ['age', 'size', 'file', 'recipients', 'attempts', 'id', 'last error']

export const ageOf = ({ createdAtMs }: OutboxEntry) => Math.max(0, Date.now() - createdAtMs)

/** How many entries are for each broker that is not this one. */
function otherBrokers(entries: readonly OutboxEntry[], own: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { broker } of entries) {
    if (broker !== own) counts.set(broker, (counts.get(broker) ?? 0) + 1)
  }
  return counts
}

/** For how long it is still set aside; undefined if it is not, or not any more. */
function setAsideForMs({ state }: OutboxEntry): number | undefined {
  const leftMs = state.kind === 'set aside' ? state.untilMs - Date.now() : 0
  return leftMs > 0 ? leftMs : undefined
}

function rowOf(entry: OutboxEntry, broker: string): string[] {
  return [
    humanDuration(ageOf(entry)),
    humanBytes(entry.bytes),
    escapeControls(entry.label),
    String(entry.events.length),
    String(entry.attempts),
    entry.id,
    entry.broker === broker ? statusOf(entry) : `for ${escapeControls(entry.broker)}`,
  ]
}

function statusOf(entry: OutboxEntry): string {
  const error = escapeControls(entry.lastError ?? '')
  if (entry.state.kind === 'prepared') return error || 'the file is getting its final name'
  const leftMs = setAsideForMs(entry)
  return leftMs === undefined ? error : `set aside for ${humanDuration(leftMs)}: ${error}`
}

/** `3 announcements, 84 kB; the oldest is 2 h old; 1 set aside; 2 for kafka://host:9092`. */
function totalOf(entries: readonly OutboxEntry[], broker: string): string {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  const aside = entries.filter((entry) => setAsideForMs(entry) !== undefined).length
  const oldest = humanDuration(Math.max(...entries.map(ageOf)))
  const others = [...otherBrokers(entries, broker)].map(
    ([name, n]) => `${n} for ${escapeControls(name)}`,
  )
  const parts = [`the oldest is ${oldest} old`, ...(aside ? [`${aside} set aside`] : []), ...others]
  return [`${counted(entries.length)}, ${humanBytes(bytes)}`, ...parts].join('; ')
}

function jsonOf(entry: OutboxEntry) {
  const { id, state, label, broker, topic, events, createdAtMs, bytes, attempts, files } = entry
  const setAsideUntil =
    state.kind === 'set aside' && setAsideForMs(entry) ? new Date(state.untilMs) : undefined
  return {
    id,
    state: state.kind === 'prepared' ? 'prepared' : 'ready',
    file: label,
    broker,
    topic,
    recipients: events.length,
    createdAt: new Date(createdAtMs).toISOString(),
    ageMs: ageOf(entry),
    sizeBytes: bytes,
    setAsideUntil: setAsideUntil?.toISOString() ?? null,
    attempts,
    lastError: entry.lastError ?? null,
    paths: files.map((file) => file.finalPath),
  }
}
