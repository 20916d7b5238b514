import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outbox } from '@herald/broker/outbox'
import type { RenditionSpec } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import { faultOf } from '../commands/convert-job.js'
import { announceFailure, type Converted, convertAndAnnounce } from '../convert-and-announce.js'
import type { Upload } from '../convert-call.js'
import type { ConverterClient } from '../converter-client.js'
import { outputNames } from '../output-name.js'
import {
  announced,
  factsOf,
  failed,
  frameOf,
  isWorthTelling,
  newRecord,
} from './conversion-facts.js'
import type { Links } from './links.js'
import type { NewsDesk } from './news.js'
import { createMeter } from './progress-meter.js'
import type { ConversionRecord } from './record.js'
import type { Records } from './records.js'

/** What one file is to become, for whom. */
export interface ConversionRequest {
  readonly owner: string
  readonly key: string | undefined
  readonly runToken: string
  readonly runId: string
  readonly runSize: number | undefined
  readonly spec: RenditionSpec & { readonly format: string }
  /** The extension of its files, without the dot. */
  readonly extension: string
  readonly recipient: string
  readonly language: string
}

export interface Started {
  readonly record: ConversionRecord
  /** Resolves when it is over, however it ended. Never rejects. */
  readonly over: Promise<void>
}

export interface Conversions {
  /** Notes the conversion and begins it. `upload` is given what cancels it. */
  start(
    request: ConversionRequest,
    upload: (cancel: (reason: HeraldError) => void) => Upload,
  ): Promise<Started>
  /** Ends it where it runs, removes its files and all that is known of it. */
  remove(record: ConversionRecord): Promise<void>
  readonly running: number
  /** Waits for those that run. */
  close(): Promise<void>
}

export interface ConversionTools {
  readonly converter: ConverterClient
  readonly outbox: Outbox
  readonly records: Records
  readonly news: NewsDesk
  readonly links: Links
  readonly topic: string
  /** Where the results lie, a folder for each conversion. */
  readonly directory: string
  readonly logger: Logger
}

/** The conversions of the web page: each goes on when the browser is gone. */
export function manageConversions(tools: ConversionTools): Conversions {
  const { records, news, outbox, links, directory, logger } = tools
  const running = new Map<string, { cancel: AbortController; over: Promise<void> }>()

  const tell = (record: ConversionRecord | undefined) => {
    if (record) news.tell({ kind: 'record', record })
  }
  const change = async (token: string, changes: Partial<ConversionRecord>) => {
    const record = await records.change(token, changes)
    tell(record)
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
    const job = { ...frameOf(record, links, request.runSize), topic: tools.topic }
    const meter = createMeter(upload.sizeBytes, (progress) =>
      news.tell({ kind: 'progress', record, progress }),
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
          onProgress: meter.progress,
          onBytes: meter.bytes,
          // The link in the announcement must lead somewhere from the first moment on.
          noting: async (result) => {
            const facts = { ...factsOf(result), state: 'placing' as const }
            await records.change(record.token, facts, result.summary.preview?.data)
          },
        },
      )
    } catch (error) {
      meter.end()
      const fault = faultOf(error)
      if (fault.code === 'HERALD_INTERNAL') logger.error({ err: error }, 'could not convert')
      await rm(folder, { recursive: true, force: true })
      const kept = isWorthTelling(record, fault)
        ? await announceFailure(
            outbox,
            { ...job, fileName: record.name, formats: [request.spec.format] },
            fault,
          ).catch((reason: unknown) => {
            logger.error({ err: reason }, 'a failure could not be announced')
            return undefined
          })
        : undefined
      await change(record.token, {
        ...failed(fault),
        announcement: kept ? announced(kept) : null,
      })
      return
    }
    // It is announced: whatever fails from here on, its files stay.
    meter.end()
    const { announcement } = converted
    await change(record.token, {
      state: 'converted',
      announcement: announcement ? announced(announcement) : null,
    })
  }

  return {
    async start(request, open) {
      const cancel = new AbortController()
      const upload = open((reason) => cancel.abort(reason))
      const record = newRecord(request, upload.name)
      await records.put(record)
      tell(record)
      const over = convert(record, request, upload, cancel.signal)
        .catch((error: unknown) => logger.error({ err: error }, 'a conversion could not be noted'))
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
      news.tell({ kind: 'removed', record })
    },

    get running() {
      return running.size
    },

    async close() {
      await Promise.all([...running.values()].map(({ over }) => over))
    },
  }
}
