import { createHash, type Hash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { JobStore } from '@herald/broker/job-store'
import type { ConversionSummary } from '@herald/proto/converter'
import type { JobEnded, ReceivedConvertFile } from '@herald/proto/jobs'
import type { Logger } from '@herald/runtime/logger'
import { outputNames, pageName } from '@herald/runtime/output-name'
import { type ConversionOutput, convertFile } from '../conversion.js'
import { formatNamed } from '../formats.js'
import { checkSpec } from '../spec.js'
import type { Conversions } from '../start-conversions.js'

type Rendition = NonNullable<NonNullable<JobEnded['converted']>['renditions']>[number]

interface Stored {
  readonly index: number
  /** From 0. */
  readonly page: number
  readonly key: string
  readonly rendition: Rendition & { readonly name: string }
}

/** The renditions of a job in the blob store, and how it ends with them. */
export interface MadeRenditions {
  readonly ended: JobEnded
  readonly summary: ConversionSummary
  /** Removes the renditions: the job has ended otherwise. */
  discard(): Promise<void>
}

/** Converts the file of a job as the gRPC service does. Rejects as that fails; then no rendition is left. */
export async function makeRenditions(
  command: ReceivedConvertFile,
  store: JobStore,
  conversions: Conversions,
  { signal, logger }: { signal: AbortSignal; logger: Logger },
): Promise<MadeRenditions> {
  const { limits, capabilities, spool } = conversions
  const { jobId, fileName, renditions } = command
  const startedAtUnixMs = Date.now()
  const queueMs = Math.max(0, (await store.now()) - command.submittedAtUnixMs)
  const spec = {
    conversionId: jobId,
    fileName,
    sizeBytes: command.sizeBytes,
    renditions,
  }
  const plan = checkSpec(spec, capabilities, limits.maxBytes)
  const names = outputNames(
    fileName,
    plan.renditions.map(({ format }) => formatNamed(format).extensions[0] ?? format),
  )
  const run = randomUUID()
  const stored: Stored[] = []
  const folder = await spool.open()
  const output: ConversionOutput = {
    sendProgress() {},
    async deliver({ index, format, page = 0 }, { width, height, pages }, path) {
      const name = names[index] ?? fileName
      const key = store.resultKey(jobId, run, `${index}-${page}-${name}`.slice(0, 100))
      const hash = createHash('sha256')
      await store.blobs.put(key, Readable.from(hashing(path, hash)))
      const { size: sizeBytes } = await stat(path)
      const { mediaType } = formatNamed(format)
      const sha256 = hash.digest('hex')
      const rendition = { name, mediaType, sizeBytes, sha256, width, height, pages }
      stored.push({ index, page, key, rendition })
    },
  }
  let upload: Readable | undefined
  const discard = () => store.removeResults(jobId, run)
  try {
    upload = await store.blobs.get(command.uploadKey)
    const summary = await convertFile(plan, upload, {
      ...conversions,
      folder,
      output,
      slot: { startWork: async () => {}, endWork() {} },
      signal,
      logger,
    })
    const made = stored.sort((a, b) => a.index - b.index || a.page - b.page)
    const pages = Number(summary.input?.pages ?? 1)
    const finishedAtUnixMs = Date.now()
    const { input } = summary
    const ended: JobEnded = {
      ending: 'JOB_ENDING_FINISHED',
      endedAtUnixMs: finishedAtUnixMs,
      resultKeys: made.map(({ key }) => key),
      converted: {
        conversionId: jobId,
        runId: command.runId,
        source: {
          name: fileName,
          mediaType: input?.mediaType ?? '',
          sizeBytes: command.sizeBytes,
          sha256: input?.sha256 ?? '',
          width: input?.width ?? 0,
          height: input?.height ?? 0,
          pages,
        },
        renditions: made.map(({ rendition, index, page }) =>
          plan.renditions[index]?.everyPage
            ? { ...rendition, name: pageName(rendition.name, page + 1, pages) }
            : rendition,
        ),
        stripped: summary.stripped ?? [],
        queueMs,
        conversionMs: summary.conversionMs ?? 0,
        startedAtUnixMs,
        finishedAtUnixMs,
        preview: summary.preview ?? null,
        runSize: command.runSize,
      },
    }
    return { ended, summary, discard }
  } catch (error) {
    await discard().catch((cause) => logger.warn({ err: cause }, 'renditions are left behind'))
    throw error
  } finally {
    upload?.destroy()
    await folder.remove()
  }
}

async function* hashing(path: string, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk)
    yield chunk
  }
}
