import type { Outbox } from '@herald/broker/outbox'
import type { Logger } from '@herald/runtime/logger'
import type { ConversionEvents } from './conversion-events.js'
import { type ConversionRecord, isUnpublished } from './record.js'
import type { Records } from './records.js'

/** Passes the announcements of records on to the outbox of this process. */
export interface RecordAnnouncer {
  /**
   * Puts the record's announcement into the outbox. If that fails it is repeated until it succeeds, or
   * until another process takes the record over. Does not reject.
   */
  announce(record: ConversionRecord): Promise<void>
  close(): Promise<void>
}

const retryMs = 5_000

export interface AnnouncerTools {
  readonly outbox: Outbox
  readonly records: Records
  readonly events: ConversionEvents
  readonly topic: string
  readonly logger: Logger
}

/**
 * The announcement is stored with the record, in the same transaction that ends the conversion. So
 * after a crash, and when an instance is gone for good, another one announces the same event: its id
 * is part of the message, and the notifier recognizes it.
 */
export function announceRecords(tools: AnnouncerTools): RecordAnnouncer {
  const { outbox, records, events, topic, logger } = tools
  const failed = new Map<string, ConversionRecord>()
  let retrying: Promise<void> | undefined

  const tryToAnnounce = async ({ token, name, announcement }: ConversionRecord): Promise<void> => {
    if (!announcement) return
    const { eventId } = announcement
    const id = announcement.entryId || eventId
    // Only an instance with another outbox has to announce what was in an outbox before.
    if (!outbox.entry(id) && (announcement.entryId === '' || records.isShared)) {
      const message = await records.message(token)
      // Undefined: published or removed meanwhile.
      if (!message) return
      await outbox.prepare({ id, topic, messages: [message], files: [], label: name })
    }
    const changed = await records.changeAnnouncement(token, { entryId: id })
    if (changed) events.publish({ kind: 'record', record: changed })
  }
  const announce = async (record: ConversionRecord): Promise<void> => {
    if (!isUnpublished(record)) return
    try {
      await tryToAnnounce(record)
      failed.delete(record.token)
    } catch (error) {
      failed.set(record.token, record)
      logger.error({ err: error }, 'could not announce a conversion; will retry')
    }
  }
  const timer = setInterval(() => {
    retrying ??= (async () => {
      for (const record of [...failed.values()]) await announce(record)
    })().finally(() => {
      retrying = undefined
    })
  }, retryMs)

  return {
    announce,
    async close() {
      clearInterval(timer)
      await retrying
    },
  }
}
