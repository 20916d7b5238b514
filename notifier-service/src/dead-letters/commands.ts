import { EventError, fromMessage } from '@herald/broker/message'
import type { Terminal } from '@herald/runtime/terminal'
import {
  escapeControls,
  humanBytes,
  humanDuration,
  jsonLine,
  padded,
  table,
} from '@herald/runtime/terminal-text'
import type { CommandContext } from '../command-context.js'
import { type ListedDeadLetter, withDeadLetterStore } from './store.js'

/** Prints the dead letters; resolves to the exit status. */
export async function listCommand(
  options: { all?: boolean; json?: boolean },
  context: CommandContext,
): Promise<number> {
  const { terminal } = context
  const all = await withDeadLetterStore(context, (store) => store.list())
  const listed = options.all ? all : all.filter(({ replayedAt }) => replayedAt === undefined)
  if (options.json) {
    for (const deadLetter of listed) terminal.print(jsonLine(toJson(deadLetter)))
    return 0
  }
  if (listed.length > 0) {
    const headings = ['no', 'age', 'to', 'attempts', 'event', 'reason']
    for (const line of table([headings, ...listed.map(rowOf)])) terminal.print(line)
  } else if (all.length === 0) {
    terminal.log('There are no dead letters.')
  }
  const hidden = all.length - listed.length
  if (hidden > 0) terminal.log(`${hidden} replayed already: --all shows them too.`)
  return 0
}

function rowOf({ number, addedAt, message, attempts, eventId, ...rest }: ListedDeadLetter) {
  return [
    String(number),
    humanDuration(Math.max(0, Date.now() - addedAt.getTime())),
    escapeControls(message.key ?? '–'),
    String(attempts),
    escapeControls(eventId || '(cannot be read)'),
    `${rest.replayedAt ? 'replayed; ' : ''}${escapeControls(rest.reason)}`,
  ]
}

/** Prints everything about one dead letter; resolves to the exit status. */
export async function showCommand(
  which: string,
  options: { json?: boolean },
  context: CommandContext,
): Promise<number> {
  const { terminal } = context
  const all = await withDeadLetterStore(context, (store) => store.list())
  const deadLetter = all.filter((each) => isNamed(each, which)).at(-1)
  if (deadLetter === undefined) return printNotFound(which, terminal)
  if (options.json) {
    const value = Buffer.from(deadLetter.message.value).toString('base64')
    const headers = headerTexts(deadLetter)
    terminal.print(jsonLine({ ...toJson(deadLetter), headers, value }))
    return 0
  }
  for (const [name, text] of describe(deadLetter)) {
    terminal.print(`${padded(name, 14)} ${escapeControls(text)}`)
  }
  return 0
}

function describe(deadLetter: ListedDeadLetter): [string, string][] {
  const { origin, replayedAt, message } = deadLetter
  return [
    ['number', String(deadLetter.number)],
    ['reason', deadLetter.reason],
    ['attempts', String(deadLetter.attempts)],
    ['added', deadLetter.addedAt.toISOString()],
    ['replayed', replayedAt?.toISOString() ?? 'no'],
    ['position', deadLetter.position],
    ['original', `${origin.topic} ${origin.position}`],
    ['key', message.key ?? '–'],
    ['size', humanBytes(deadLetter.sizeBytes)],
    ...describeEvent(deadLetter),
    ...Object.entries(headerTexts(deadLetter)),
  ]
}

/** What the event is about, if it can be read. */
function describeEvent({ message }: ListedDeadLetter): [string, string][] {
  try {
    const { data } = fromMessage(message).event
    const file = 'source' in data ? data.source?.name : data.fileName
    const renditions = 'renditions' in data ? data.renditions.map(({ name }) => name) : []
    return [
      ['conversion', data.conversionId],
      ['recipient', data.recipient?.address || '(the default)'],
      ['file', [file ?? '?', ...renditions].join(' → ')],
    ]
  } catch (error) {
    if (error instanceof EventError) return [['event', `cannot be read: ${error.message}`]]
    throw error
  }
}

function headerTexts({ message }: ListedDeadLetter): Record<string, string> {
  const texts = Object.entries(message.headers).map(([name, bytes]) => {
    const text = Buffer.from(bytes.subarray(0, 500)).toString()
    return [name, bytes.length > 500 ? `${text}… (${bytes.length} bytes)` : text] as const
  })
  return Object.fromEntries(texts)
}

export interface ReplayOptions {
  readonly dryRun?: boolean
  readonly limit?: number
  readonly reason?: string
  readonly json?: boolean
}

/** Replays dead letters (all, or those named `which`), each once; resolves to the exit status. */
export async function replayCommand(
  which: string | undefined,
  options: ReplayOptions,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context
  const { dryRun = false, json = false } = options
  return withDeadLetterStore(context, async (store) => {
    const all = await store.list()
    const named = which === undefined ? all : all.filter((each) => isNamed(each, which))
    if (which !== undefined && named.length === 0) return printNotFound(which, terminal)
    const open = named.filter((each) => isOpen(each, options))
    // Without its value it would become a dead letter again.
    const incomplete = open.filter(({ withoutValue }) => withoutValue)
    const chosen = open.filter(({ withoutValue }) => !withoutValue).slice(0, options.limit)
    for (const each of incomplete) {
      if (json) terminal.print(jsonLine({ ...toJson(each), replayed: false }))
      else terminal.log(escapeControls(incompleteText(each)))
    }
    let done = 0
    try {
      for (const each of chosen) {
        if (signal.aborted) break
        if (!dryRun) await store.replay(each)
        done += 1
        if (json) terminal.print(jsonLine({ ...toJson(each), replayed: !dryRun }))
        else for (const line of table([replayRow(each)])) terminal.print(line)
      }
    } finally {
      if (chosen.length === 0) {
        const filter = options.reason === undefined ? '' : ` with "${options.reason}" in its reason`
        terminal.log(
          `There is nothing to replay: ${store.topic} has no open dead letter${escapeControls(filter)}.`,
        )
      } else if (!json) {
        const total = chosen.length === 1 ? '1 dead letter' : `${chosen.length} dead letters`
        terminal.log(`${done} of ${total} ${dryRun ? 'would be replayed' : 'replayed'}.`)
      }
    }
    return which !== undefined && chosen.length === 0 && incomplete.length > 0 ? 1 : 0
  })
}

function isOpen({ replayedAt, reason }: ListedDeadLetter, { reason: part = '' }: ReplayOptions) {
  return replayedAt === undefined && reason.toLowerCase().includes(part.toLowerCase())
}

function replayRow({ number, eventId, position, message, reason }: ListedDeadLetter): string[] {
  return [String(number), eventId || position, message.key ?? '–', reason].map(escapeControls)
}

function incompleteText({ number, origin: { topic, position } }: ListedDeadLetter) {
  return (
    `${number} is not replayed: its value was too large to be kept beside the reason. ` +
    `The whole event is in ${topic} at ${position}, as long as that topic keeps it.`
  )
}

/** Whether `which`, as a person names a dead letter, is its number, its position or its event's id. */
function isNamed({ number, position, eventId }: ListedDeadLetter, which: string): boolean {
  return String(number) === which || position === which || eventId === which
}

/** Returns the exit status. */
function printNotFound(which: string, terminal: Terminal): number {
  terminal.log(`herald-notifier: there is no dead letter ${escapeControls(which)}.`)
  terminal.log('  To list them all: herald-notifier dead-letters list --all')
  return 3
}

/** A dead letter for a program; what is not known is null. Fields are added, never renamed. */
function toJson(deadLetter: ListedDeadLetter) {
  return {
    number: deadLetter.number,
    position: deadLetter.position,
    eventId: deadLetter.eventId || null,
    type: deadLetter.type || null,
    conversionId: deadLetter.conversionId || null,
    reason: deadLetter.reason,
    channel: deadLetter.channel,
    attempts: deadLetter.attempts,
    addedAt: deadLetter.addedAt.toISOString(),
    replayedAt: deadLetter.replayedAt?.toISOString() ?? null,
    key: deadLetter.message.key,
    sizeBytes: deadLetter.sizeBytes,
    withoutValue: deadLetter.withoutValue,
    origin: deadLetter.origin,
  }
}
