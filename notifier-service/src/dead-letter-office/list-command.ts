import { table } from '@herald/runtime/table'
import { humanDuration, jsonLine, shown } from '@herald/runtime/terminal-text'
import type { CommandContext } from './command-context.js'
import { letterJson } from './letter-json.js'
import { type ListedLetter, withOffice } from './office.js'

/** Prints the dead letters; resolves to the exit status. */
export async function listCommand(
  options: { all?: boolean; json?: boolean },
  context: CommandContext,
): Promise<number> {
  const { terminal } = context
  const all = await withOffice(context, (office) => office.letters())
  const listed = options.all ? all : all.filter(({ replayedAt }) => replayedAt === undefined)
  if (options.json) {
    for (const letter of listed) terminal.print(jsonLine(letterJson(letter)))
    return 0
  }
  if (listed.length > 0) {
    for (const line of table([headings, ...listed.map(rowOf)])) terminal.print(line)
  } else if (all.length === 0) {
    terminal.tell('There are no dead letters.')
  }
  const hidden = all.length - listed.length
  if (hidden > 0) terminal.tell(`${hidden} replayed already: --all shows them too.`)
  return 0
}

const headings = ['no', 'age', 'to', 'attempts', 'event', 'reason']

/** One row of the list; `replayed` stands before the reason where it was. */
export function rowOf({ number, buriedAt, message, attempts, eventId, ...rest }: ListedLetter) {
  return [
    String(number),
    humanDuration(Math.max(0, Date.now() - buriedAt.getTime())),
    shown(message.key ?? '–'),
    String(attempts),
    shown(eventId || '(cannot be read)'),
    `${rest.replayedAt ? 'replayed; ' : ''}${shown(rest.reason)}`,
  ]
}
