import { z } from 'zod'
import { withTimeLimit } from '../time-limit.js'

const time = z
  .union([z.string(), z.number()])
  .transform((value) => new Date(value))
  .optional()
  .catch(undefined)

const attempt = z.object({
  at: time,
  state: z.string().catch(''),
  reply: z.string().catch(''),
})

const delivery = z.object({
  eventId: z.string().optional().catch(undefined),
  eventIds: z.array(z.string()).optional().catch(undefined),
  conversionId: z.string().optional().catch(undefined),
  /** Where the event was first read. */
  topic: z.string().optional().catch(undefined),
  partition: z.number().optional().catch(undefined),
  offset: z.string().optional().catch(undefined),
  state: z.string(),
  recipient: z.string().catch(''),
  messageId: z.string().optional().catch(undefined),
  attempts: z.number().catch(0),
  reply: z.string().catch(''),
  firstAttemptAt: time,
  updatedAt: time,
  nextAttemptAt: time,
  deadLetteredAt: time,
  /** Each attempt that ended, oldest first; absent in notifiers that do not report it. */
  history: z.array(attempt).optional().catch(undefined),
})

/** `now`: by the clock of the ledger; absent in notifiers that do not report it. */
const answer = z.object({ now: time, deliveries: z.array(delivery) })

/** The state of one event's mail in the notifier's ledger. */
export interface MailStatus extends Omit<z.output<typeof delivery>, 'eventId' | 'eventIds'> {
  readonly eventId: string
  /** The time when it was read, by the clock of its times. */
  readonly readAt: Date | undefined
}

/** The notifier's read-only API. */
export interface NotifierApi {
  /** Mails of the event with that id. Rejects with NotifierUnavailable. */
  ofEvent(eventId: string): Promise<MailStatus[]>
  /** Mails of the conversion; none from notifiers without this query. Rejects with NotifierUnavailable. */
  ofConversion(conversionId: string): Promise<MailStatus[]>
}

/** The notifier does not answer, or something else does. The message is a clause for a person. */
export class NotifierUnavailable extends Error {
  override readonly name = 'NotifierUnavailable'
}

const timeoutMs = 3_000

export function openNotifierApi(url: string, signal: AbortSignal): NotifierApi {
  async function get(path: string, eventId?: string): Promise<MailStatus[]> {
    let response: Response
    let body: unknown
    try {
      ;[response, body] = await withTimeLimit({ timeoutMs, signals: [signal] }, async (within) => {
        const got = await fetch(`${url}${path}`, { signal: within })
        return [got, await got.json().catch(() => undefined)] as const
      })
    } catch (error) {
      const why = (error as Error).name === 'TimeoutError' ? 'does not answer' : 'cannot be reached'
      throw new NotifierUnavailable(`the notifier at ${url} ${why}`, { cause: error })
    }
    const parsed = answer.safeParse(body)
    if (response.ok && parsed.success) {
      const { now: readAt, deliveries } = parsed.data
      // The mail of a digest is about several events.
      return deliveries.flatMap(({ eventId: own, eventIds = [], ...mail }) =>
        (eventId ? [eventId] : own ? [own] : eventIds).map((each) => ({
          ...mail,
          eventId: each,
          readAt,
        })),
      )
    }
    if (response.status === 404 || response.status === 400) return []
    const what = `the server at ${url} is not a notifier`
    throw new NotifierUnavailable(`${what} (status ${response.status})`)
  }

  return {
    ofEvent: (id) => get(`/deliveries/${encodeURIComponent(id)}`, id),
    ofConversion: (id) => get(`/deliveries?conversion=${encodeURIComponent(id)}`),
  }
}
