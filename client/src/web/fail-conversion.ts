import type { HeraldError } from '@herald/proto/errors'
import type { BlobStore } from '@herald/runtime/blobs'
import type { Logger } from '@herald/runtime/logger'
import { failedMessages, isFailureAnnounced } from '../announcements.js'
import type { RecordAnnouncer } from './announce-records.js'
import type { ConversionEvents } from './conversion-events.js'
import { announcementOf, contextOf, failed } from './conversion-facts.js'
import type { Links } from './links.js'
import type { ConversionRecord } from './record.js'
import type { Records } from './records.js'
import { removeResults } from './result-files.js'

export interface FailureTools {
  readonly records: Records
  readonly results: BlobStore
  readonly announcer: RecordAnnouncer
  readonly events: ConversionEvents
  readonly links: Links
  readonly logger: Logger
}

/**
 * Ends a conversion as failed, announces the failure if there is an address, and removes its files.
 * Does nothing if it has ended, was removed, or another instance has it by now.
 */
export async function failConversion(
  { records, results, announcer, events, links, logger }: FailureTools,
  record: ConversionRecord,
  error: HeraldError,
): Promise<void> {
  const nowMs = records.now()
  const context = contextOf(record, links)
  const facts = {
    fileName: record.name,
    formats: [record.target],
    error,
    failedAt: new Date(nowMs),
  }
  const [announced] = isFailureAnnounced(error, context.recipients, 'unattended')
    ? failedMessages(context, facts)
    : []
  const changed = await records.finish(
    record.token,
    { ...failed(error, nowMs), announcement: announcementOf(announced, nowMs) },
    { message: announced?.message },
  )
  if (!changed) return
  events.publish({ kind: 'record', record: changed })
  await removeResults(results, record.token).catch((thrown: unknown) =>
    // They go with the record.
    logger.warn({ err: thrown }, 'could not remove the files of a failed conversion'),
  )
  await announcer.announce(changed)
}
