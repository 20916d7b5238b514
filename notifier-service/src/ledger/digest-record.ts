import { createHash, randomUUID } from 'node:crypto'
import { mostFrequent } from '../most-frequent.js'
import type { EventRef, MailIdentity, MailRecord } from './mail-record.js'
import { mergeRecord } from './mail-states.js'

/** Whether the mail of that source is a digest: the source of an event is a URI reference, without a space. */
export const isDigest = (source: string) => source.startsWith('digest ')

/** The record of several events' mail, and its name. `records` are those of the events so far. */
export function digestOf(
  events: readonly [EventRef, ...EventRef[]],
  records: readonly MailRecord[],
  now: number,
): { readonly ref: EventRef; readonly record: MailRecord } {
  const head = records[0] as MailRecord
  const digest: MailIdentity = {
    ...head,
    template: mostFrequent(records.map(({ template }) => template)) ?? head.template,
    messageId: digestMessageId(records.map(({ messageId }) => messageId)),
    eventIds: events.map(({ id }) => id),
    events,
  }
  const possiblyDelivered = records.some((record) => record.possiblyDelivered)
  return {
    ref: { id: events[0].id, source: `digest ${randomUUID()}` },
    record: {
      ...mergeRecord(digest, undefined, now),
      lane: head.lane,
      ...(possiblyDelivered ? { possiblyDelivered } : {}),
    },
  }
}

/**
 * The Message-ID of a digest, made from those that its events have as mails of their own. Receivers
 * drop a mail whose Message-ID they know: another set of events is another mail, and so is each of
 * its events alone.
 */
function digestMessageId(ofEvents: readonly string[]): string {
  const [, domain = 'localhost'] = /@([^@>]+)>$/.exec(ofEvents[0] ?? '') ?? []
  const hash = createHash('sha256')
    .update([...ofEvents].sort().join('\n'))
    .digest('hex')
  return `<${hash.slice(0, 40)}@${domain}>`
}
