import { withoutUrlSecrets } from '@herald/runtime'
import type { SendResult } from '../send-result.js'
import type { Answer } from './post.js'

/** A receiver that asks for more is asked again after this, in milliseconds. */
const longestRetryAfterMs = 3_600_000

/**
 * What a receiver's answer means for the event it was given for. Few answers are about one event
 * for certain; most may be those of a bad deploy, which must not empty the queue into the dead
 * letters: a few of them in a row, without one that is accepted in between, pause everything.
 */
export function judgeAnswer({ status, statusText, headers, text }: Answer): SendResult {
  // Receivers repeat the URL that was asked for, whose query may hold a secret.
  const reply = withoutUrlSecrets(
    [`${status} ${statusText}`.trim(), text].filter(Boolean).join(': '),
  )
  const retryAfterMs = readRetryAfter(headers['retry-after'])
  switch (meaningOf(status)) {
    case 'accepted':
      return { kind: 'accepted', reply }
    case 'refused':
      return { kind: 'refused', reply }
    case 'too large':
      return { kind: 'tooLarge', reply }
    case 'later':
      return { kind: 'deferred', reply, retryAfterMs }
    case 'redirect': {
      const [target] = (headers.location ?? '').slice(0, 500).split(/[?#]/)
      const where = target ? ` to ${withoutUrlSecrets(target)}` : ''
      const reason = `${reply}: it redirects${where}, which is not followed; set HERALD_WEBHOOK_URL`
      return { kind: 'outage', reason, lasting: true }
    }
    case 'unauthorized':
      return { kind: 'outage', reason: reply, lasting: true }
    case 'perhaps everybody':
      return { kind: 'suspect', about: 'server', failure: 'server down', reply, retryAfterMs }
    case 'perhaps this event':
      return { kind: 'suspect', about: 'mail', reply, retryAfterMs }
  }
}

type Meaning =
  | ('accepted' | 'refused' | 'too large' | 'later' | 'redirect' | 'unauthorized')
  /** Costs the event no attempt. */
  | 'perhaps everybody'
  /** Costs it one, unless others fare the same. */
  | 'perhaps this event'

const meanings: Readonly<Record<number, Meaning>> = {
  401: 'unauthorized',
  407: 'unauthorized',
  408: 'later',
  410: 'refused',
  413: 'too large',
  422: 'refused',
  425: 'later',
  429: 'perhaps everybody',
  502: 'perhaps everybody',
  503: 'perhaps everybody',
  504: 'perhaps everybody',
}

function meaningOf(status: number): Meaning {
  if (status >= 200 && status < 300) return 'accepted'
  if (status >= 300 && status < 400) return 'redirect'
  return meanings[status] ?? 'perhaps this event'
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function readRetryAfter(text: string | undefined, now = Date.now()): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestRetryAfterMs)
}
