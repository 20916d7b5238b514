import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { type Converted, convertAndAnnounce } from '../convert-and-announce.js'
import type { Upload } from '../convert-call.js'
import type { ConverterClient } from '../converter-client.js'
import { toHeraldError } from '../errors.js'
import { outputNames } from '../output-name.js'
import type { ConversionEvents } from './conversion-events.js'
import {
  announced,
  type ConversionRequest,
  contextOf,
  factsOf,
  newRecord,
} from './conversion-facts.js'
import { type FailureTools, failConversion } from './fail-conversion.js'
import { createMeter } from './progress-meter.js'
import type { ConversionRecord } from './record.js'

export interface Started {
  readonly record: ConversionRecord
  /** Resolves when it has ended, well or not. Never rejects. */
  readonly over: Promise<void>
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
  readonly running: number
  /** Waits for those under way. */
  close(): Promise<void>
}

export interface ConversionTools extends FailureTools {
  readonly converter: ConverterClient
  readonly events: ConversionEvents
}

/** The conversions of the web page. They continue when the browser is closed. */
export function manageConversions(tools: ConversionTools): Conversions {
  const { records, events, outbox, links, directory, logger } = tools
  const running = new Map<string, { cancel: AbortController; over: Promise<void> }>()

  const publish = (record: ConversionRecord | undefined) => {
    if (record) events.publish({ kind: 'record', record })
  }
  const change = async (token: string, changes: Partial<ConversionRecord>) => {
    const record = await records.change(token, changes)
    publish(record)
    return record
  }

  async function convert(
    record: ConversionRecord,
    request: ConversionRequest,
    upload: Upload,
    signal: AbortSignal,
  ): Promise<void> {
    const folder = join(directory, record.token)
    const [name = 'file'] = outputNames(record.name, [request.extension])
    const job = { ...contextOf(record, links, request.runSize), topic: tools.topic }
    const meter = createMeter(upload.sizeBytes, (progress) =>
      events.publish({ kind: 'progress', record, progress }),
    )
    let converted: Converted
    try {
      await mkdir(folder, { recursive: true })
      converted = await convertAndAnnounce(
        { converter: tools.converter, outbox },
        {
          ...job,
          input: upload,
          renditions: [{ spec: request.spec, finalPath: join(folder, name) }],
          overwrite: false,
          signal,
          onProgress: meter.onProgress,
          onWaiting: meter.onWaiting,
          onBytes: meter.onBytes,
          // The link in the announcement must work as soon as it is sent.
          beforeAnnounce: async (result) => {
            const facts = { ...factsOf(result), state: 'placing' as const }
            await records.change(record.token, facts, result.summary.preview?.data)
          },
        },
      )
    } catch (thrown) {
      meter.end()
      const error = toHeraldError(thrown)
      if (error.code === 'HERALD_INTERNAL') logger.error({ err: thrown }, 'could not convert')
      publish(await failConversion(tools, record, error, request.runSize))
      return
    }
    // It is announced: its files stay, even if a later step fails.
    meter.end()
    const { announcement } = converted
    await change(record.token, {
      state: 'converted',
      announcement: announcement ? announced(announcement) : null,
    })
  }

  return {
    async start(request, open, known) {
      const cancel = new AbortController()
      const upload = open((reason) => cancel.abort(reason))
      const record = known ?? newRecord(request, upload.name)
      if (!known) await records.put(record)
      publish(record)
      events.publish({ kind: 'progress', record, progress: { stage: 'uploading', done: 0 } })
      const over = convert(record, request, upload, cancel.signal)
        .catch((error: unknown) =>
          logger.error({ err: error }, 'a conversion could not be recorded'),
        )
        .finally(() => running.delete(record.token))
      running.set(record.token, { cancel, over })
      return { record, over }
    },

    async remove(record) {
      const live = running.get(record.token)
      live?.cancel.abort(new HeraldError('HERALD_CANCELLED', 'The conversion was removed.'))
      await live?.over
      await rm(join(directory, record.token), { recursive: true, force: true })
      await records.remove(record)
      events.publish({ kind: 'removed', record })
    },

    setDeleted: ({ token }, deleted) =>
      change(token, { deletedAtMs: deleted ? Date.now() : undefined }),

    get running() {
      return running.size
    },

    async close() {
      await Promise.all([...running.values()].map(({ over }) => over))
    },
  }
}
