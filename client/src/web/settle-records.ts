import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { FoundEvent } from '@herald/broker/outbox'
import { HeraldError } from '@herald/proto/errors'
import { failed } from './conversion-facts.js'
import { type FailureTools, failConversion } from './fail-conversion.js'
import { type AnnouncementState, type ConversionRecord, isOver } from './record.js'

/**
 * Ends the conversions of a process that was killed. If all files have their final names, the outbox
 * has announced them or will; otherwise the conversion has failed. Call `outbox.settle` before.
 */
export async function settleRecords(options: FailureTools): Promise<void> {
  const { records, outbox, directory, logger } = options
  for (const record of records.all()) {
    if (isOver(record)) continue
    const [found] = outbox.findEvents(record.conversionId)
    if (record.state === 'placing' && (await areThere(record, directory))) {
      await records.change(record.token, {
        state: 'converted',
        announcement: found ? announcementOf(found) : null,
      })
      continue
    }
    const error = new HeraldError(
      'HERALD_SHUTTING_DOWN',
      'The service was stopped while the file was converted.',
      { remedy: 'Send the file again.' },
    )
    if (found) {
      const announcement = announcementOf(found)
      await records.change(record.token, { ...failed(error), announcement })
    } else await failConversion(options, record, error)
    logger.info({ conversion: record.conversionId }, 'ended a conversion of an earlier process')
  }
}

async function areThere({ token, files }: ConversionRecord, directory: string): Promise<boolean> {
  const sizes = await Promise.all(
    files.map(({ name }) => stat(join(directory, token, name)).catch(() => undefined)),
  )
  return files.every(({ sizeBytes }, at) => sizes[at]?.size === sizeBytes)
}

function announcementOf({ entry, event }: FoundEvent): AnnouncementState {
  return {
    // The entry is published by now or followed under the event's id.
    entryId: entry.id,
    eventId: event.id,
    keptAtMs: entry.createdAtMs,
    publishedAtMs: entry.state.kind === 'published' ? entry.state.atMs : 0,
    lastFault: entry.lastError ?? '',
  }
}
