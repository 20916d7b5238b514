import type { ConversionSummary } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import { type Abilities, listNames } from './abilities.js'
import type { Inspection, Made, RenditionPlan } from './engines/engine.js'
import { formatNamed } from './formats.js'
import { type Limits, maxRenditions } from './limits.js'
import { sendRendition } from './rendition.js'
import type { Responder } from './responder.js'
import type { ConversionPlan } from './spec.js'
import type { SpoolFolder } from './spool.js'
import type { Upload } from './upload.js'
import { receiveUpload } from './upload.js'
import type { Job } from './worker/job.js'
import type { Pool } from './worker/pool.js'

export interface ConversionContext {
  readonly pool: Pool
  readonly abilities: Abilities
  readonly limits: Limits
  readonly folder: SpoolFolder
  readonly responder: Responder
  /** Aborted with a HeraldError when the caller is gone. */
  readonly signal: AbortSignal
  readonly logger: Logger
}

/** How often at most progress of an upload is told, in milliseconds. */
const progressIntervalMs = 250

/** Takes the file, makes the renditions, sends each as it is done. Resolves to what became of it. */
export async function convertFile(
  plan: ConversionPlan,
  chunks: AsyncIterable<Buffer>,
  context: ConversionContext,
): Promise<ConversionSummary> {
  const { pool, folder, responder, limits, abilities, signal } = context
  const path = folder.path('source')
  let toldAt = performance.now()
  const upload = await receiveUpload(chunks, {
    path,
    maxBytes: limits.maxBytes,
    announcedBytes: plan.sizeBytes,
    abilities,
    onProgress(receivedBytes) {
      if (performance.now() - toldAt < progressIntervalMs) return
      toldAt = performance.now()
      responder.tell({ progress: { stage: 'STAGE_UPLOADING', receivedBytes, renditionsDone: 0 } })
    },
  })
  const told = { receivedBytes: upload.sizeBytes, renditionsDone: 0 }
  responder.tell({ progress: { stage: 'STAGE_QUEUED', ...told } })
  const job = pool.openJob({
    onStart: () => responder.tell({ progress: { stage: 'STAGE_CONVERTING', ...told } }),
  })
  const cancel = () => job.end('cancelled', signal.reason)
  signal.addEventListener('abort', cancel)
  try {
    signal.throwIfAborted()
    return await makeAll(plan, upload, path, job, context)
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

async function makeAll(
  plan: ConversionPlan,
  upload: Upload,
  path: string,
  job: Job,
  { folder, responder, limits, abilities, logger }: ConversionContext,
): Promise<ConversionSummary> {
  const source = { path, format: upload.format }
  const inspection = (await job.run({ kind: 'inspect', source })).result
  refuseTargets(plan, upload.format, abilities)
  const renditions = plan.renditions.flatMap((each) => spread(each, inspection.pages))
  if (renditions.length > Math.max(maxRenditions, limits.maxPages)) {
    throw new HeraldError(
      'HERALD_TOO_MANY_PAGES',
      `${renditions.length.toLocaleString('en')} renditions would be made; this server makes ${limits.maxPages.toLocaleString('en')}.`,
      { remedy: 'Ask for single pages.' },
    )
  }
  const made: Made[] = []
  let preview: Promise<ConversionSummary['preview']> | undefined

  const makeOne = async (rendition: RenditionPlan) => {
    const target = folder.path(`rendition-${rendition.index}-${rendition.page ?? 0}`)
    const { result, ms } = await job.run({
      kind: 'convert',
      source,
      plan: rendition,
      target,
      limits,
    })
    made.push(result)
    preview ??= makePreview(job, { path: target, format: rendition.format }, limits, logger)
    await responder.inTurn(() => sendRendition(responder, rendition, result, target, ms))
    responder.tell({
      progress: {
        stage: 'STAGE_CONVERTING',
        receivedBytes: upload.sizeBytes,
        renditionsDone: made.length,
        renditionsTotal: renditions.length,
      },
    })
  }
  const outcomes = await Promise.allSettled(
    renditions.map((rendition) =>
      makeOne(rendition).catch((error) => {
        job.end('cancelled', asHeraldError(error))
        throw error
      }),
    ),
  )
  // The first to fail ended the others: theirs is the same failure or a consequence of it.
  const failed = outcomes.find(({ status }) => status === 'rejected') as
    | PromiseRejectedResult
    | undefined
  const picture = await preview
  if (failed) throw failed.reason
  return summarise(plan, upload, inspection, made, job, abilities, picture)
}

/** One plan for each page, where that is asked for. */
function spread(plan: RenditionPlan, pages: number): RenditionPlan[] {
  if (!plan.everyPage) return [plan]
  return Array.from({ length: pages }, (_, page) => ({ ...plan, everyPage: false, page }))
}

/** Refuses what no engine makes of this kind of file. */
function refuseTargets(plan: ConversionPlan, format: string, abilities: Abilities): void {
  const targets = abilities.targetsOf(format)
  const wrong = plan.renditions.find((each) => !targets.some(({ name }) => name === each.format))
  if (!wrong) return
  throw new HeraldError(
    'HERALD_BAD_OPTION',
    `This server makes no ${wrong.format} of ${format}; it makes ${listNames(targets)}.`,
    { remedy: 'Choose one of these.' },
  )
}

async function makePreview(
  job: Job,
  source: { path: string; format: string },
  limits: Limits,
  logger: Logger,
): Promise<ConversionSummary['preview']> {
  try {
    const { base64, width, height } = (await job.run({ kind: 'preview', source, limits })).result
    return { mediaType: 'image/jpeg', data: Buffer.from(base64, 'base64'), width, height }
  } catch (error) {
    // A receipt without a picture is still a receipt.
    logger.debug({ err: error }, 'no preview')
    return undefined
  }
}

function summarise(
  plan: ConversionPlan,
  upload: Upload,
  inspection: Inspection,
  made: readonly Made[],
  job: Job,
  { versions }: Abilities,
  preview: ConversionSummary['preview'],
): ConversionSummary {
  const { width, height, pages, holds } = inspection
  const { format, sizeBytes, sha256 } = upload
  const { mediaType } = formatNamed(format)
  const encoders = made.map(({ encoder }) => encoder.split(' ') as [string, string])
  return {
    conversionId: plan.conversionId,
    input: { format, mediaType, sizeBytes, sha256, width, height, pages },
    stripped: holds.filter((item) => !made.some(({ kept }) => kept.includes(item))),
    queueMs: job.queueMs,
    conversionMs: job.conversionMs,
    versions: {
      sharp: versions['sharp'] ?? '',
      libvips: versions['vips'] ?? '',
      ...Object.fromEntries(encoders),
    },
    ...(preview ? { preview } : {}),
  }
}

function asHeraldError(error: unknown): HeraldError {
  return error instanceof HeraldError
    ? error
    : new HeraldError('HERALD_INTERNAL', 'Something went wrong inside the server.', {
        cause: error,
      })
}
