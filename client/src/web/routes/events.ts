import { HeraldError } from '@herald/proto/errors'
import type { Request, RequestHandler, Response } from 'express'
import type { ConversionEvent, Progress } from '../conversion-events.js'
import { conversionBody } from '../pages/conversion-page.js'
import type { Html } from '../pages/html.js'
import { row } from '../pages/row.js'
import type { View } from '../pages/view.js'
import type { ConversionIdentity, ConversionRecord } from '../record.js'
import { tokenPattern } from '../records.js'
import { languageOf, ownerOf } from '../visitor.js'
import { ownRecords, recordOf } from './downloads.js'
import type { Services } from './services.js'

type Draw = (view: View, record: ConversionRecord, progress: Progress | undefined) => Html

interface Source {
  /** The conversions on the page. */
  load(): Promise<readonly ConversionRecord[]>
  wants(record: ConversionIdentity): boolean
  readonly draw: Draw
}

const heartbeatMs = 20_000
const streamsAtOnce = 1000

const asRow: Draw = (view, record, progress) => row(record, view, progress)

/** Server-sent events for the conversions on a page, with the HTML of the changed parts. */
export function eventRoutes(services: Services) {
  let open = 0

  const route =
    (sourceOf: (request: Request) => Promise<Source | undefined>): RequestHandler =>
    async (request, response) => {
      const source = await sourceOf(request)
      if (!source || request.method === 'HEAD') return void response.status(204).end()
      // Its event `close` does not come again.
      if (response.destroyed) return
      if (open >= streamsAtOnce) {
        throw new HeraldError('HERALD_BUSY', 'Too many pages are open.', { retryAfterMs: 5000 })
      }
      open += 1
      response.once('close', () => {
        open -= 1
      })
      const since = Number(request.get('Last-Event-ID') ?? request.query['since'] ?? 0)
      await stream(response, source, services.view(languageOf(request, response)), services, since)
    }

  return {
    own: route(async (request) => {
      const owner = ownerOf(request)
      if (owner === undefined) return undefined
      return {
        load: () => ownRecords(services)(request),
        wants: (record) => record.owner === owner,
        draw: asRow,
      }
    }),
    conversion: route(async (request) => {
      const record = await recordOf(services, request)
      return (
        record && {
          load: async () => [(await recordOf(services, request)) ?? record],
          wants: ({ token }) => token === record.token,
          draw: conversionBody,
        }
      )
    }),
    run: route(async (request) => {
      const runToken = String(request.params['token'])
      if (!tokenPattern.test(runToken)) return undefined
      return {
        load: () => services.records.ofRun(runToken),
        wants: (record) => record.runToken === runToken,
        draw: asRow,
      }
    }),
  }
}

async function stream(
  response: Response,
  { load, wants, draw }: Source,
  view: View,
  { events, progressOf, stopping }: Services,
  since: number,
): Promise<void> {
  response.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
  response.flushHeaders()
  const send = (event: string, data: unknown, id?: number) =>
    response.write(
      `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
    )
  const sendRecord = (record: ConversionRecord) => {
    const { token, key, state, updatedAtMs } = record
    const drawn = draw(view, record, progressOf(token)).text
    const deleted = Boolean(record.deletedAtMs)
    send(
      'record',
      { token, key, state, deleted, html: drawn, say: sayOf(record, view) },
      updatedAtMs,
    )
  }
  const sendEvent = (event: ConversionEvent) => {
    const { token, key } = event.record
    if (event.kind === 'record') sendRecord(event.record)
    else if (event.kind === 'removed') send('removed', { token, key })
    // A slow reader gets fewer steps of a bar.
    else if (!response.writableNeedDrain) send('progress', { token, key, ...event.progress })
  }
  response.write('retry: 1500\n\n')
  /** What happens while the records are read. */
  let early: ConversionEvent[] | undefined = []
  const unsubscribe = events.subscribe((event) => {
    if (!wants(event.record)) return
    if (early) early.push(event)
    else sendEvent(event)
  })
  const heart = setInterval(() => response.write(': heartbeat\n\n'), heartbeatMs)
  const end = () => response.end()
  stopping.addEventListener('abort', end, { once: true })
  response.once('close', () => {
    unsubscribe()
    clearInterval(heart)
    stopping.removeEventListener('abort', end)
  })
  try {
    const records = await load()
    for (const record of records.toReversed()) if (record.updatedAtMs >= since) sendRecord(record)
    for (const event of early) sendEvent(event)
    early = undefined
  } catch {
    // The browser connects again.
    response.destroy()
  }
}

/** The text for screen readers. */
function sayOf({ name, state, deletedAtMs }: ConversionRecord, { words }: View): string {
  if (deletedAtMs) return ''
  if (state === 'converted') return `${name}: ${words.ready}`
  return state === 'failed' ? `${name}: ${words.failed}` : ''
}
