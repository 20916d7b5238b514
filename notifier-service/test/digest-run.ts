import PostalMime from 'postal-mime'
import { uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import type { ReceivedMail } from './scripted-smtp.js'

export const patience = { timeout: 60_000, interval: 50 }

export interface RunOptions {
  readonly to?: string
  readonly run?: string
  readonly runSize?: number
}

/** One event of a run: a file that was converted, or with `code` one that was not. */
export function event(
  name: string,
  { to = 'ada@example.com', run = uuidv7(), runSize = 0 }: RunOptions,
) {
  return fileConverted({
    conversionId: uuidv7(),
    runId: run,
    runSize,
    recipient: { address: to },
    preview: null,
    source: { name, mediaType: 'image/jpeg', sizeBytes: 1000, pages: 1 },
  })
}

/** The ids of the events in a mail's header, in its order. */
export async function eventsOf({ raw }: ReceivedMail): Promise<string[]> {
  const { headers } = await PostalMime.parse(Buffer.from(raw, 'latin1'))
  return (headers.find(({ key }) => key === 'x-herald-event')?.value ?? '').split(/\s+/)
}

/** Of all these mails, sorted. */
export async function eventIdsOf(mails: readonly ReceivedMail[]): Promise<string[]> {
  return (await Promise.all(mails.map(eventsOf))).flat().sort()
}

/** A gauge of the notifier. */
export async function gauge(probesUrl: string, name: string): Promise<number> {
  const metrics = await (await fetch(`${probesUrl}/metrics`)).text()
  return Number(new RegExp(`^herald_notifier_${name}\\{.*\\} (\\d+)$`, 'm').exec(metrics)?.[1])
}
