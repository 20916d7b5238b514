import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outbox } from '@herald/broker/outbox'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import { announceFailure } from '../convert-and-announce.js'
import { type OutboxTrace, traceInOutbox } from '../why/outbox-trace.js'
import { failed, frameOf } from './conversion-facts.js'
import type { Links } from './links.js'
import { type AnnouncementState, type ConversionRecord, isOver } from './record.js'
import type { Records } from './records.js'

export interface SettleOptions {
  readonly records: Records
  /** Settled already: what a dead process left half placed is placed or dropped. */
  readonly outbox: Outbox
  readonly links: Links
  readonly topic: string
  readonly directory: string
  readonly logger: Logger
}

/**
 * Ends the conversions that an earlier process left: where all files have their names, the outbox
 * has announced them or will; else whoever waits is told that it failed.
 */
export async function settleRecords(options: SettleOptions): Promise<void> {
  const { records, outbox, directory, logger } = options
  for (const record of records.all()) {
    if (isOver(record)) continue
    const [trace] = traceInOutbox(outbox, record.conversionId)
    if (record.state === 'placing' && (await areThere(record, directory))) {
      await records.change(record.token, {
        state: 'converted',
        announcement: trace ? announcementOf(trace) : null,
      })
      continue
    }
    const fault = new HeraldError(
      'HERALD_SHUTTING_DOWN',
      'The service was stopped while the file was converted.',
      { remedy: 'Send the file again.' },
    )
    await rm(join(directory, record.token), { recursive: true, force: true })
    if (record.recipient !== '' && !trace) await announce(record, fault, options)
    await records.change(record.token, failed(fault))
    logger.info({ conversion: record.conversionId }, 'ended what an earlier process left')
  }
}

async function areThere({ token, files }: ConversionRecord, directory: string): Promise<boolean> {
  const sizes = await Promise.all(
    files.map(({ name }) => stat(join(directory, token, name)).catch(() => undefined)),
  )
  return files.every(({ sizeBytes }, at) => sizes[at]?.size === sizeBytes)
}

async function announce(record: ConversionRecord, fault: HeraldError, options: SettleOptions) {
  const { outbox, links, topic } = options
  const frame = { ...frameOf(record, links), topic }
  await announceFailure(
    outbox,
    { ...frame, fileName: record.name, formats: [record.target] },
    fault,
  )
}

function announcementOf(trace: OutboxTrace): AnnouncementState {
  return {
    // The entry is published by now or followed under the event's id.
    entryId: trace.entryId,
    eventId: trace.eventId,
    keptAtMs: trace.keptAt.getTime(),
    publishedAtMs: trace.publishedAt?.getTime() ?? 0,
    lastFault: trace.lastFault ?? '',
  }
}
