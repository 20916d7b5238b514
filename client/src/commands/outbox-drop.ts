import { createInterface } from 'node:readline'
import { type OutboxEntry, OutboxEntryInUse } from '@herald/broker/outbox'
import { displayPath, escapeControls, humanDuration } from '@herald/runtime/terminal-text'
import { withOutbox } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import type { StandardInput } from '../standard-streams.js'
import { ageOf } from './outbox.js'

/**
 * Removes one entry, after a confirmation; resolves to the exit status: 3 for an unknown id, 5 if a
 * running process still works on it, 130 if it is not confirmed.
 */
export async function outboxDropCommand(
  id: string,
  options: { yes?: boolean },
  { env, terminal, stdin, signal }: CommandContext,
): Promise<number> {
  return withOutbox(loadConfig(env), async ({ outbox }) => {
    const entry = outbox.entry(id)
    if (entry === undefined || entry.state.kind === 'published') {
      const why = entry ? 'is announced already' : 'is unknown'
      terminal.log(`herald: The announcement ${escapeControls(id)} ${why}.`)
      return 3
    }
    if (!options.yes) {
      for (const line of consequencesOf(entry)) terminal.log(line)
      terminal.log('Type y to drop it, anything else to keep it.')
      if (!(await isConfirmed(stdin, signal))) {
        terminal.log('Kept.')
        return 130
      }
    }
    try {
      const dropped = await outbox.drop(id)
      terminal.log(dropped ? 'Dropped.' : 'Not dropped: it was announced meanwhile.')
      return dropped ? 0 : 3
    } catch (error) {
      if (!(error instanceof OutboxEntryInUse)) throw error
      terminal.log(`herald: Not dropped: ${error.message}. Stop it, or try again later.`)
      return 5
    }
  })
}

function consequencesOf(entry: OutboxEntry): string[] {
  const { label, files, state, events } = entry
  const people = events.length === 1 ? '1 recipient gets' : `${events.length} recipients get`
  const paths = files.map(({ finalPath }) => `    ${displayPath(finalPath)}`)
  const heading =
    state.kind === 'prepared'
      ? '  These files do not have their final names yet. They are removed if their folder exists:'
      : '  These files stay:'
  return [
    `The announcement of ${escapeControls(label)} was not sent yet. It is ${humanDuration(ageOf(entry))} old.`,
    `  If you drop it, ${people} no e-mail about it, now or later.`,
    ...(paths.length === 0 ? [] : [heading, ...paths]),
  ]
}

/** Reads one line. */
async function isConfirmed(stdin: StandardInput, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: stdin, signal })
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim())
    return false
  } finally {
    lines.close()
  }
}
