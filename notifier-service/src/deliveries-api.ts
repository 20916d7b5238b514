import type { createProbesApp } from '@herald/runtime/probes'
import type { Ledger } from './ledger/ledger.js'
import { type MailRecord, positionOf } from './ledger/mail-record.js'

/**
 * Adds `GET /deliveries/{event id}` and `GET /deliveries?conversion={id}`: the records of the
 * mails about an event or a conversion. 200 with `{ eventId | conversionId, now, deliveries }`, all times by
 * the ledger's clock; 404 if the ledger has none, 400 without a conversion. Read only.
 */
export function serveDeliveries(app: ReturnType<typeof createProbesApp>, ledger: Ledger): void {
  const now = () => new Date(ledger.now()).toISOString()
  app.get('/deliveries', async (request, response) => {
    const conversionId = request.query['conversion']
    if (typeof conversionId !== 'string' || conversionId === '') {
      response.status(400).json({
        error:
          'Name a conversion or an event: /deliveries?conversion=<conversion id> or /deliveries/<event id>.',
      })
      return
    }
    const found = await ledger.findByConversion(conversionId)
    const deliveries = found.map(({ event, record }) => ({
      eventId: event.id,
      ...describe(record),
    }))
    if (deliveries.length > 0) response.json({ conversionId, now: now(), deliveries })
    else response.status(404).json({ error: 'No delivery of this conversion is known yet.' })
  })
  app.get('/deliveries/:id', async (request, response) => {
    const eventId = request.params.id
    const deliveries = (await ledger.findById(eventId)).map(describe)
    if (deliveries.length > 0) response.json({ eventId, now: now(), deliveries })
    else {
      response.status(404).json({ error: 'No delivery of an event with this id is known yet.' })
    }
  })
}

/** One mail. Times are ISO 8601; what does not apply is absent. */
function describe(record: MailRecord) {
  const iso = (unixMs: number | undefined) =>
    unixMs === undefined || unixMs === 0 ? undefined : new Date(unixMs).toISOString()
  const { topic, partition, offset } = record.origin ?? {}
  const position = record.origin && positionOf(record.origin)
  return {
    state: record.state,
    eventIds: record.eventIds,
    conversionId: record.conversionId,
    runId: record.runId,
    // Of the event, in its original topic.
    topic,
    position,
    // Of a broker with partitions.
    partition,
    offset,
    recipient: record.recipient,
    messageId: record.messageId,
    template: record.template,
    attempts: record.attempts,
    // The last attempts, oldest first; `counted` is false if the reason was not the mail.
    history: (record.history ?? []).map(({ at, ...note }) => ({ at: iso(at), ...note })),
    reply: record.reply,
    firstAttemptAt: iso(record.firstAttemptAt),
    updatedAt: iso(record.updatedAt),
    parkedSince: iso(record.parkedSince),
    deferredSince: iso(record.deferredSince),
    // Whether it waits in the ledger, behind the others of its key.
    deferred: record.lane !== undefined,
    possiblyDelivered: record.possiblyDelivered,
    withoutPreview: record.withoutPreview,
    nextAttemptAt: iso(record.nextAttemptAt),
    deadLetteredAt: iso(record.deadLetteredAt),
    replay: record.replay,
  }
}
