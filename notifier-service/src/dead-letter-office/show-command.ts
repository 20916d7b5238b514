import { EventError, fromMessage } from '@herald/broker/message'
import { humanBytes, jsonLine, padded, shown } from '@herald/runtime/terminal-text'
import type { CommandContext } from './command-context.js'
import { letterJson } from './letter-json.js'
import { isNamed, type ListedLetter, noSuchLetter, withOffice } from './office.js'

/** Prints everything about one dead letter; resolves to the exit status. */
export async function showCommand(
  which: string,
  options: { json?: boolean },
  context: CommandContext,
): Promise<number> {
  const { terminal } = context
  const letter = await withOffice(context, async (office) =>
    (await office.letters()).filter((each) => isNamed(each, which)).at(-1),
  )
  if (letter === undefined) {
    return noSuchLetter(which, terminal)
  }
  if (options.json) {
    const value = Buffer.from(letter.message.value).toString('base64')
    terminal.print(jsonLine({ ...letterJson(letter), headers: headersOf(letter), value }))
    return 0
  }
  for (const [name, text] of linesOf(letter)) terminal.print(`${padded(name, 14)} ${shown(text)}`)
  return 0
}

function headersOf({ message }: ListedLetter): Record<string, string> {
  const texts = Object.entries(message.headers).map(([name, bytes]) => {
    const text = Buffer.from(bytes.subarray(0, 500)).toString()
    return [name, bytes.length > 500 ? `${text}… (${bytes.length} bytes)` : text] as const
  })
  return Object.fromEntries(texts)
}

function linesOf(letter: ListedLetter): [string, string][] {
  const { origin, replayedAt, message } = letter
  return [
    ['number', String(letter.number)],
    ['reason', letter.reason],
    ['attempts', String(letter.attempts)],
    ['buried', letter.buriedAt.toISOString()],
    ['replayed', replayedAt?.toISOString() ?? 'no'],
    ['lies at', letter.place],
    ['came from', `${origin.topic} ${origin.partition}/${origin.offset}`],
    ['key', message.key ?? '–'],
    ['size', humanBytes(letter.sizeBytes)],
    ...factLines(letter),
    ...Object.entries(headersOf(letter)),
  ]
}

/** What the event tells, where it can be read. */
function factLines({ message }: ListedLetter): [string, string][] {
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
