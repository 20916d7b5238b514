import type { Terminal } from '@herald/runtime/terminal'
import { escapeControls } from '@herald/runtime/terminal-text'
import type { AnnouncedEvent } from '../announcer.js'
import type { MailOutcome } from '../mail-outcomes.js'

/** One line for each mail: `mailed to ada@example.com: 250 2.0.0 Ok`; a digest of several events is one. */
function mailLines(
  events: readonly AnnouncedEvent[],
  outcomes: ReadonlyMap<string, MailOutcome>,
): string[] {
  const counts = new Map<string, number>()
  for (const { id, recipient } of events) {
    const line = lineOf(recipient || 'the default address', outcomes.get(id))
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return Array.from(counts, ([line, count]) => (count === 1 ? line : `${line} (${count} files)`))
}

function lineOf(recipient: string, outcome: MailOutcome | undefined): string {
  if (outcome === undefined)
    return `not mailed to ${escapeControls(recipient)} yet: no outcome in time`
  return `${outcome.state} to ${escapeControls(recipient)}: ${escapeControls(outcome.reply)}`
}

/** Whether each of them got its mail. */
export const allMailed = (
  events: readonly AnnouncedEvent[],
  outcomes: ReadonlyMap<string, MailOutcome>,
): boolean => events.every(({ id }) => outcomes.get(id)?.state === 'mailed')

/** Says what became of the mails. */
export function reportMails(
  terminal: Terminal,
  print: (line: string) => void,
  events: readonly AnnouncedEvent[],
  outcomes: ReadonlyMap<string, MailOutcome>,
): void {
  for (const line of mailLines(events, outcomes)) {
    if (line.startsWith('mailed ')) print(line)
    else terminal.log(`${terminal.paint('red', '✗', 'stderr')} ${line}`)
  }
}
