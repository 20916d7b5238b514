import { withoutUrlSecrets } from '@herald/runtime'
import type { SendOutcome } from '../send-outcome.js'
import type { Answer } from './post.js'

/** A receiver that asks for more is asked again after this, in milliseconds. */
const longestRetryAfterMs = 3_600_000

/**
 * What an answer says of the event it was given for. What concerns one event must not hold up the
 * others; what concerns them all (the receiver is down, moved or wants another secret) must not
 * send them all to the dead letters.
 */
export function judgeAnswer({ status, statusText, headers, text }: Answer): SendOutcome {
  // Receivers repeat the URL that was asked for, whose query may hold a secret.
  const reply = withoutUrlSecrets(
    [`${status} ${statusText}`.trim(), text].filter(Boolean).join(': '),
  )
  const retryAfterMs = readRetryAfter(headers['retry-after'])
  if (status >= 200 && status < 300) return { kind: 'accepted', reply }
  if (status >= 300 && status < 400) {
    const [target] = (headers.location ?? '').slice(0, 500).split(/[?#]/)
    const where = target ? ` to ${withoutUrlSecrets(target)}` : ''
    return {
      kind: 'outage',
      reason: `${reply}: it redirects${where}, which is not followed; set HERALD_WEBHOOK_URL`,
    }
  }
  switch (status) {
    case 401:
    case 407:
      return { kind: 'outage', reason: reply }
    case 429:
    case 502:
    case 503:
    case 504:
      return { kind: 'outage', failure: 'server down', reason: reply, retryAfterMs }
    case 408:
    case 425:
      return { kind: 'deferred', reply, retryAfterMs }
    case 413:
      return { kind: 'tooLarge', reply }
  }
  if (status >= 400 && status < 500) return { kind: 'refused', reply }
  return { kind: 'deferred', reply, retryAfterMs }
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function readRetryAfter(text: string | undefined, now = Date.now()): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestRetryAfterMs)
}
