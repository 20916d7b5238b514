import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outbox } from '@herald/broker/outbox'
import type { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import { isFailureAnnounced } from '../announcements.js'
import { announceFailure } from '../convert-and-announce.js'
import { announced, contextOf, failed } from './conversion-facts.js'
import type { Links } from './links.js'
import type { ConversionRecord } from './record.js'
import type { Records } from './records.js'

export interface FailureTools {
  readonly outbox: Outbox
  readonly records: Records
  readonly links: Links
  readonly topic: string
  /** Holds a folder for each conversion. */
  readonly directory: string
  readonly logger: Logger
}

/**
 * Ends a conversion as failed: removes its files, announces the failure if there is an address, and
 * updates the record. Resolves to the record; undefined if it was removed meanwhile.
 */
export async function failConversion(
  { outbox, records, links, topic, directory, logger }: FailureTools,
  record: ConversionRecord,
  error: HeraldError,
  runSize?: number,
): Promise<ConversionRecord | undefined> {
  await rm(join(directory, record.token), { recursive: true, force: true })
  const job = { ...contextOf(record, links, runSize), topic }
  const files = { fileName: record.name, formats: [record.target] }
  const kept = isFailureAnnounced(error, job.recipients, 'unattended')
    ? await announceFailure(outbox, { ...job, ...files }, error).catch((thrown: unknown) => {
        logger.error({ err: thrown }, 'a failure could not be announced')
        return undefined
      })
    : undefined
  return records.change(record.token, {
    ...failed(error),
    announcement: kept ? announced(kept) : null,
  })
}
