import { table } from '@herald/runtime/table'
import { jsonLine, shown } from '@herald/runtime/terminal-text'
import type { CommandContext } from './command-context.js'
import { letterJson } from './letter-json.js'
import {
  type DeadLetterOffice,
  isNamed,
  type ListedLetter,
  noSuchLetter,
  withOffice,
} from './office.js'

export interface ReplayOptions {
  readonly dryRun?: boolean
  readonly limit?: number
  readonly reason?: string
  readonly json?: boolean
}

/** Puts dead letters (all, or those named `which`) to their topic again, each once; resolves to the exit status. */
export async function replayCommand(
  which: string | undefined,
  options: ReplayOptions,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context
  const dryRun = options.dryRun ?? false
  return withOffice(context, async (office) => {
    const letters = await office.letters()
    const named = which === undefined ? letters : letters.filter((each) => isNamed(each, which))
    if (which !== undefined && named.length === 0) return noSuchLetter(which, terminal)
    const waiting = choose(named, options)
    // What there is of them would be buried again.
    const stubs = waiting.filter(({ stub }) => stub)
    const chosen = waiting.filter(({ stub }) => !stub).slice(0, options.limit)
    for (const stub of stubs) tellStub(stub)
    let done = 0
    const total = (what: string) => {
      if (!options.json) terminal.tell(`${done} of ${counted(chosen.length)} ${what}.`)
    }
    try {
      for (const letter of chosen) {
        if (signal.aborted) break
        if (!dryRun) await office.replay(letter)
        done += 1
        say(letter, dryRun)
      }
    } finally {
      if (chosen.length === 0) tellNothing(office)
      else total(dryRun ? 'would be replayed' : 'put to the topic again')
    }
    return which !== undefined && chosen.length === 0 && stubs.length > 0 ? 1 : 0
  })

  function tellStub(letter: ListedLetter): void {
    if (options.json) {
      terminal.print(jsonLine({ ...letterJson(letter), replayed: false }))
      return
    }
    const { topic, partition, offset } = letter.origin
    terminal.tell(
      shown(
        `${letter.number} is not replayed: its bytes were too many to be kept beside the reason. ` +
          `It is whole in ${topic} at ${partition}/${offset}, as long as that topic keeps it.`,
      ),
    )
  }

  function say(letter: ListedLetter, isDry: boolean): void {
    if (options.json) {
      terminal.print(jsonLine({ ...letterJson(letter), replayed: !isDry }))
      return
    }
    const row = [String(letter.number), letter.eventId || letter.place, letter.message.key ?? '–']
    for (const line of table([[...row, letter.reason].map(shown)])) terminal.print(line)
  }

  function tellNothing({ topic }: DeadLetterOffice): void {
    const which = options.reason === undefined ? '' : ` whose reason holds "${options.reason}"`
    terminal.tell(`There is nothing to replay: no dead letter of ${topic}${shown(which)} waits.`)
  }
}

const counted = (count: number) => (count === 1 ? '1 dead letter' : `${count} dead letters`)

/** The oldest first, so that one person's mail keeps its order. */
function choose(letters: readonly ListedLetter[], { reason }: ReplayOptions) {
  const wanted = reason?.toLowerCase()
  return letters
    .filter(({ replayedAt }) => replayedAt === undefined)
    .filter((letter) => wanted === undefined || letter.reason.toLowerCase().includes(wanted))
}
