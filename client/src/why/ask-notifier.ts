import { z } from 'zod'

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
  /** Where the event came from first. */
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
  /** Each attempt that ended, oldest first; absent in notifiers that do not tell. */
  history: z.array(attempt).optional().catch(undefined),
})

const answer = z.object({ deliveries: z.array(delivery) })

/** What the notifier's ledger holds of one event's mail. */
export interface MailTrace extends Omit<z.output<typeof delivery>, 'eventId' | 'eventIds'> {
  readonly eventId: string
}

/** The notifier's read-only API. */
export interface NotifierDesk {
  /** Mails of the event with that id. Rejects with NotifierSilent. */
  ofEvent(eventId: string): Promise<MailTrace[]>
  /** Mails of the conversion; none as well where this notifier cannot be asked so. Rejects with NotifierSilent. */
  ofConversion(conversionId: string): Promise<MailTrace[]>
}

/** The notifier does not answer, or something else does. The message is a clause for a person. */
export class NotifierSilent extends Error {
  override readonly name = 'NotifierSilent'
}

const patienceMs = 3_000

export function openNotifierDesk(url: string, signal: AbortSignal): NotifierDesk {
  async function ask(path: string, eventId?: string): Promise<MailTrace[]> {
    let response: Response
    let body: unknown
    try {
      response = await fetch(`${url}${path}`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
      })
      body = await response.json().catch(() => undefined)
    } catch (error) {
      const why = (error as Error).name === 'TimeoutError' ? 'does not answer' : 'cannot be reached'
      throw new NotifierSilent(`the notifier at ${url} ${why}`, { cause: error })
    }
    const read = answer.safeParse(body)
    if (response.ok && read.success) {
      // A digest tells of several events.
      return read.data.deliveries.flatMap(({ eventId: own, eventIds = [], ...mail }) =>
        (eventId ? [eventId] : own ? [own] : eventIds).map((each) => ({ ...mail, eventId: each })),
      )
    }
    if (response.status === 404 || response.status === 400) return []
    throw new NotifierSilent(`what answers at ${url} is no notifier (status ${response.status})`)
  }

  return {
    ofEvent: (id) => ask(`/deliveries/${encodeURIComponent(id)}`, id),
    ofConversion: (id) => ask(`/deliveries?conversion=${encodeURIComponent(id)}`),
  }
}
