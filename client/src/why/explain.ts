import type { FoundEvent } from '@herald/broker/outbox'
import { humanDuration } from '@herald/runtime/terminal-text'
import type { MailStatus } from './notifier-api.js'
import type { EventStory } from './story.js'

/** How far an event is, as `herald why --json` prints it. */
export type EventStatus =
  /** Its file is getting its final name. */
  | 'saving'
  /** It is in the outbox. */
  | 'not-announced'
  /** It is published, and the notifier has no record of it. */
  | 'no-record'
  /** The notifier cannot be reached, or nothing is known of the event. */
  | 'unknown'
  /** Its mail is put off, and will be tried again. */
  | 'waiting'
  | 'sending'
  | 'accepted'
  | 'possibly-delivered'
  | 'failed'

export interface Explanation {
  readonly status: EventStatus
  /** One sentence, or two, for a person. */
  readonly sentence: string
}

/** The state of the event; `unavailable`: why the notifier cannot be reached. */
export function explain(
  { inOutbox, mail }: EventStory,
  unavailable: string | undefined,
  now: Date,
  command: string,
): Explanation {
  if (mail) return ofMail(mail, now)
  if (inOutbox === undefined) return { status: 'unknown', sentence: 'Nothing more is known.' }
  const { state } = inOutbox.entry
  if (state.kind !== 'published') return ofKept(inOutbox, now, command)
  const published = `Published at ${clock(new Date(state.atMs), now)}`
  if (unavailable !== undefined) {
    return {
      status: 'unknown',
      sentence: `${published}. Whether it was mailed is unknown: ${unavailable}.`,
    }
  }
  return {
    status: 'no-record',
    sentence: `${published}. The notifier has not processed it yet, or has deleted its record.`,
  }
}

function ofKept({ entry }: FoundEvent, now: Date, command: string): Explanation {
  const { createdAtMs, state, lastError } = entry
  const since = clock(new Date(createdAtMs), now)
  const why = lastError === undefined ? '' : ` (${withoutStop(lastError)})`
  if (state.kind === 'prepared') {
    const sentence = why
      ? `Since ${since} the file could not get its final name${why}.`
      : `The file is getting its final name, since ${since}.`
    return { status: 'saving', sentence }
  }
  return {
    status: 'not-announced',
    sentence: `Not announced yet: kept in the outbox since ${since}${why}. Send it with: ${command} outbox flush`,
  }
}

function ofMail(mail: MailStatus, now: Date): Explanation {
  const { reply, nextAttemptAt, updatedAt, readAt = now } = mail
  const at = updatedAt ? ` at ${clock(updatedAt, now)}` : ''
  switch (mail.state) {
    case 'accepted':
      return {
        status: 'accepted',
        sentence: `The mail server accepted it${at}: ${withoutStop(reply)}.`,
      }
    case 'attempting':
      return { status: 'sending', sentence: 'It is being sent to the mail server now.' }
    case 'failed':
      return {
        status: 'failed',
        sentence:
          `Not mailed${at}: ${withoutStop(reply)}. When the cause is fixed: ` +
          `herald-notifier dead-letters replay ${mail.eventId}`,
      }
    case 'unknown':
      return {
        status: 'possibly-delivered',
        sentence:
          'It may have been delivered: the connection ended before the reply arrived. ' +
          (nextAttemptAt
            ? `It will be sent again ${timeUntil(nextAttemptAt, readAt)}.`
            : 'It will not be sent again.'),
      }
    default:
      return {
        status: 'waiting',
        sentence: `Not mailed yet: ${meaningOf(reply)}; next attempt ${timeUntil(nextAttemptAt, readAt)}.`,
      }
  }
}

const meanings: Record<string, string> = {
  '421': 'the mail server is not available',
  '450': 'the mailbox is busy',
  '451': 'the mail server has a local error',
  '452': 'the mail server has no free space',
}

/** RFC 5321 §4.2.3; then the server's own text. */
function meaningOf(reply: string): string {
  const meaning = meanings[reply.slice(0, 3)]
  const text = withoutStop(reply)
  return meaning === undefined ? text || 'not accepted yet' : `${meaning} (${text})`
}

const withoutStop = (text: string) => text.trim().replace(/[.;]+$/, '')

function timeUntil(time: Date | undefined, now: Date): string {
  const ms = (time?.getTime() ?? 0) - now.getTime()
  return ms < 1000 ? 'at once' : `in ${humanDuration(Math.round(ms / 1000) * 1000)}`
}

const pad = (value: number) => String(value).padStart(2, '0')

/** `14:03:22` if that is on the day of `now`, else `2026-03-14 14:03:22`. The time zone here. */
export function clock(time: Date, now: Date): string {
  const hours = [time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(':')
  const day = (each: Date) =>
    [each.getFullYear(), pad(each.getMonth() + 1), pad(each.getDate())].join('-')
  return day(time) === day(now) ? hours : `${day(time)} ${hours}`
}
