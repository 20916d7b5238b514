import { withoutUrlSecrets } from '@herald/runtime'
import type { ServerResponse } from '../response-table.js'
import type { PostResponse } from './post.js'

/** At most so many milliseconds of a Retry-After are waited. */
const maxRetryAfterMs = 3_600_000

/** A receiver's answer as the response table needs it. */
export function responseOf({ status, statusText, headers, text }: PostResponse): ServerResponse {
  // Receivers repeat the URL of the request, whose query may contain a secret.
  const reply = withoutUrlSecrets(
    [`${status} ${statusText}`.trim(), text].filter(Boolean).join(': '),
  )
  const sentAt = Date.parse(headers.date ?? '')
  const now = Number.isNaN(sentAt) ? Date.now() : sentAt
  const retryAfterMs = readRetryAfter(headers['retry-after'], now)
  const isRedirect = status >= 300 && status < 400
  return {
    command: 'POST',
    code: status,
    reply: isRedirect ? `${reply}: ${redirect(headers.location)}` : reply,
    retryAfterMs,
  }
}

function redirect(location = ''): string {
  const [target] = location.slice(0, 500).split(/[?#]/)
  const to = target ? ` to ${withoutUrlSecrets(target)}` : ''
  return `it redirects${to}, which is not followed; set HERALD_WEBHOOK_URL`
}

/** RFC 9110 §10.2.3: seconds, or a date. `now`: by the clock of who wrote it. */
export function readRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), maxRetryAfterMs)
}
