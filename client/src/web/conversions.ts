import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeraldError } from '@herald/proto/errors'
import { outputNames } from '@herald/runtime/output-name'
import { convertAndSave, type ReceivedConversion } from '../convert-and-announce.js'
import type { Upload } from '../convert-call.js'
import type { ConverterClient } from '../converter-client.js'
import { toHeraldError } from '../errors.js'
import {
  announcementOf,
  type ConversionRequest,
  contextOf,
  factsOf,
  newRecord,
} from './conversion-facts.js'
import { type FailureTools, failConversion } from './fail-conversion.js'
import { createMeter } from './progress-meter.js'
import type { ConversionRecord } from './record.js'
import { removeResults, storeResults } from './result-files.js'

export interface Started {
  readonly record: ConversionRecord
  /** Resolves when it has ended, well or not. Never rejects. */
  readonly ended: Promise<void>
}

export interface Conversions {
  /** Records the conversion and starts it. `upload` gets a function that cancels it; `known`: its record. */
  start(
    request: ConversionRequest,
    upload: (cancel: (reason: HeraldError) => void) => Upload,
    known?: ConversionRecord,
  ): Promise<Started>
  /** Cancels it if it is under way; removes its files and its record. */
  remove(record: ConversionRecord): Promise<void>
  /** Hides one that has ended, or restores it; `remove` is final. */
  setDeleted(record: ConversionRecord, deleted: boolean): Promise<ConversionRecord | undefined>
  isRunning(token: string): boolean
  /** Waits for those under way. */
  close(): Promise<void>
}

export interface ConversionTools extends FailureTools {
  readonly converter: ConverterClient
  /** Holds the files that are being received, a folder for each conversion. */
  readonly incoming: string
}

/** Errors whose reason the visitor is not shown: it is for the operator. */
const operatorsErrors: ReadonlySet<HeraldError['code']> = new Set([
  'HERALD_INTERNAL',
  'HERALD_CANNOT_WRITE',
  'HERALD_DISK_FULL',
  'HERALD_UNREACHABLE',
])

/** Waits between two attempts to record how a conversion ended. */
const recordRetryMs = 2_000

const isFull = (error: unknown) => (error as { code?: unknown }).code === 'STORE_FULL'

const removed = () => new HeraldError('HERALD_CANCELLED', 'The conversion was removed.')

/** The conversions that run in this process. They continue when the browser is closed. */
export function manageConversions(tools: ConversionTools): Conversions {
  const { records, results, announcer, events, links, incoming, logger } = tools
  const running = new Map<string, { cancel: AbortController; ended: Promise<void> }>()
  const unsubscribe = events.subscribe((event) => {
    // Another instance may have removed it.
    if (event.kind === 'removed') running.get(event.record.token)?.cancel.abort(removed())
  })

  const publish = (record: ConversionRecord | undefined) => {
    if (record) events.publish({ kind: 'record', record })
    return record
  }

  /** The files first, then the record with the announcement, then the outbox: a link in a mail works. */
  async function save(record: ConversionRecord, received: ReceivedConversion): Promise<void> {
    const { token } = record
    await storeResults(results, token, received.complete)
    const [announced] = received.announced
    const nowMs = records.now()
    const facts = {
      ...factsOf(received, nowMs),
      announcement: announcementOf(announced, nowMs),
    }
    const attachments = { preview: received.summary.preview?.data, message: announced?.message }
    const finished = await untilRecorded(
      () => records.finish(token, { ...facts, state: 'converted' }, attachments),
      isFull,
    )
    if (finished) {
      publish(finished)
      await announcer.announce(finished)
    } else await removeLateResults(token)
  }

  /** The conversion was removed meanwhile, or ended by an instance that considered this one gone. */
  async function removeLateResults(token: string): Promise<void> {
    // A repeated `finish` changes nothing: the first one may have succeeded and its reply was lost.
    const now = await untilRecorded(() => records.get(token))
    if (now?.state !== 'converted') await removeResults(results, token)
    else if (now.holder === records.instance) {
      publish(now)
      await announcer.announce(now)
    }
  }

  async function convert(
    record: ConversionRecord,
    request: ConversionRequest,
    upload: Upload,
    signal: AbortSignal,
  ): Promise<void> {
    const folder = join(incoming, record.token)
    const [name = 'file'] = outputNames(record.name, [request.extension])
    const meter = createMeter(upload.sizeBytes, (progress) => {
      events.publish({ kind: 'progress', record, progress })
      records.sendProgress(record, progress)
    })
    try {
      await convertAndSave(
        tools.converter,
        {
          ...contextOf(record, links),
          input: upload,
          renditions: [{ spec: request.spec, finalPath: join(folder, name) }],
          signal,
          onProgress: meter.onProgress,
          onWaiting: meter.onWaiting,
          onBytes: meter.onBytes,
        },
        (received) => save(record, received),
      ).finally(meter.end)
    } catch (thrown) {
      const error = toHeraldError(thrown)
      if (operatorsErrors.has(error.code)) logger.error({ err: thrown }, 'could not convert')
      // The record may not fit on the disk beside the results.
      if (error.code === 'HERALD_DISK_FULL') {
        await removeResults(results, record.token).catch(() => {})
      }
      await untilRecorded(() => failConversion(tools, record, error))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Retries: a conversion whose end is not recorded would be shown as under way while this process runs. */
  async function untilRecorded<T>(
    work: () => Promise<T>,
    isFinal: (error: unknown) => boolean = () => false,
  ): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (isFinal(error)) throw error
        logger.error({ err: error }, 'the end of a conversion could not be recorded; will retry')
        await sleep(recordRetryMs)
      }
    }
  }

  return {
    async start(request, open, known) {
      const cancel = new AbortController()
      const upload = open((reason) => cancel.abort(reason))
      const record = known ?? newRecord(request, upload.name, records)
      if (!known) await records.put(record)
      publish(record)
      events.publish({ kind: 'progress', record, progress: { stage: 'uploading', done: 0 } })
      const ended = convert(record, request, upload, cancel.signal)
        .catch((error: unknown) => logger.error({ err: error }, 'a conversion was not cleaned up'))
        .finally(() => running.delete(record.token))
      running.set(record.token, { cancel, ended })
      return { record, ended }
    },

    async remove(record) {
      const active = running.get(record.token)
      active?.cancel.abort(removed())
      await active?.ended
      await removeResults(results, record.token)
      await records.remove(record)
      events.publish({ kind: 'removed', record })
    },

    async setDeleted({ token }, deleted) {
      return publish(await records.change(token, { deletedAtMs: deleted ? records.now() : null }))
    },

    isRunning: (token) => running.has(token),

    async close() {
      await Promise.all([...running.values()].map(({ ended }) => ended))
      unsubscribe()
    },
  }
}
