import { humanDuration } from '@herald/runtime/terminal-text'
import type { MailTrace } from './ask-notifier.js'
import { clock } from './clock.js'
import type { OutboxTrace } from './outbox-trace.js'
import type { EventStory } from './story.js'

/** Where an event's way has come to. `gone`: published, and the notifier has not dealt with it. */
export type Standing =
  | 'placing'
  | 'kept'
  | 'gone'
  | 'not told'
  | 'sending'
  | 'accepted'
  | 'waits'
  | 'uncertain'
  | 'given up'

export interface Verdict {
  readonly standing: Standing
  /** One sentence, or two, for a person. */
  readonly sentence: string
}

/** What is to be said of the event in the end; `silence` is why the notifier could not be asked. */
export function verdictOf(
  { outbox, mail }: EventStory,
  silence: string | undefined,
  now: Date,
  command: string,
): Verdict {
  if (mail) return ofMail(mail, now)
  if (outbox?.state !== 'published') return ofKept(outbox, now, command)
  const published = `Published at ${clock(outbox.publishedAt ?? outbox.keptAt, now)}`
  if (silence !== undefined) {
    return {
      standing: 'not told',
      sentence: `${published}; what became of it then is not known: ${silence}.`,
    }
  }
  return {
    standing: 'gone',
    sentence: `${published}; the notifier has not dealt with it yet, or has forgotten it.`,
  }
}

function ofKept(outbox: OutboxTrace | undefined, now: Date, command: string): Verdict {
  if (outbox === undefined) return { standing: 'not told', sentence: 'Nothing more is known.' }
  const since = clock(outbox.keptAt, now)
  if (outbox.state === 'being placed') {
    return { standing: 'placing', sentence: `The file is being put in place, since ${since}.` }
  }
  const why = outbox.lastFault === undefined ? '' : ` (${ended(outbox.lastFault)})`
  return {
    standing: 'kept',
    sentence: `Not announced yet: kept in the outbox since ${since}${why}. Send it with: ${command} outbox flush`,
  }
}

function ofMail(mail: MailTrace, now: Date): Verdict {
  const { reply, nextAttemptAt, updatedAt } = mail
  const at = updatedAt ? ` at ${clock(updatedAt, now)}` : ''
  switch (mail.state) {
    case 'accepted':
      return { standing: 'accepted', sentence: `The mail server took it${at}: ${ended(reply)}.` }
    case 'attempting':
      return { standing: 'sending', sentence: 'It is being handed to the mail server now.' }
    case 'failed':
      return {
        standing: 'given up',
        sentence:
          `Given up${at}: ${ended(reply)}. When the reason is gone: ` +
          `herald-notifier dead-letters replay ${mail.eventId}`,
      }
    case 'unknown':
      return {
        standing: 'uncertain',
        sentence:
          'It may have been delivered: the connection ended before the reply came. ' +
          (nextAttemptAt
            ? `It is sent again ${soon(nextAttemptAt, now)}.`
            : 'It is not sent again.'),
      }
    default:
      return {
        standing: 'waits',
        sentence: `It waits: ${plainly(reply)}, next attempt ${soon(nextAttemptAt, now)}.`,
      }
  }
}

function soon(time: Date | undefined, now: Date): string {
  const ms = (time?.getTime() ?? 0) - now.getTime()
  return ms < 1000 ? 'at once' : `in ${humanDuration(Math.round(ms / 1000) * 1000)}`
}

const meanings: Record<string, string> = {
  '421': 'the mail server is not available',
  '450': 'the mailbox is busy',
  '451': 'the mail server has trouble of its own',
  '452': 'the mail server has no room',
}

/** RFC 5321 §4.2.3; the server's own words after ours. */
function plainly(reply: string): string {
  const meaning = meanings[reply.slice(0, 3)]
  const words = ended(reply)
  return meaning === undefined ? words || 'not accepted yet' : `${meaning} (${words})`
}

const ended = (text: string) => text.trim().replace(/[.;]+$/, '')
