import type { ConversionSummary, ConvertResponse } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import type { Slot } from './admission.js'
import type { Capabilities } from './capabilities.js'
import type { Pool } from './children/pool.js'
import type { TaskGroup } from './children/task-group.js'
import type { Inspection, Preview, RenditionPlan, RenditionResult } from './engines/engine.js'
import { isShort } from './estimate.js'
import { formatNamed } from './formats.js'
import type { Limits } from './limits.js'
import type { ConversionPlan } from './spec.js'
import type { SpoolFolder } from './spool.js'
import type { Upload } from './upload.js'
import { receiveUpload } from './upload.js'
import { type PlannedRendition, type PlanningContext, planWork } from './work.js'

/** Who gets the results of a conversion: a caller over gRPC, or a queue of jobs. */
export interface ConversionOutput {
  sendProgress(progress: NonNullable<ConvertResponse['progress']>): void
  /** Called for each rendition when it is made, several at a time; `path` is its file. */
  deliver(plan: RenditionPlan, result: RenditionResult, path: string, ms: number): Promise<void>
}

export interface ConversionContext extends PlanningContext {
  readonly pool: Pool
  readonly folder: SpoolFolder
  readonly output: ConversionOutput
  readonly slot: Pick<Slot, 'startWork' | 'endWork'>
  /** Aborted with a HeraldError when the caller cancels. */
  readonly signal: AbortSignal
  readonly logger: Logger
}

/** How often at most progress of an upload is reported, in milliseconds. */
const progressIntervalMs = 250

/** Receives the file, makes the renditions and delivers each when it is done. */
export async function convertFile(
  plan: ConversionPlan,
  chunks: AsyncIterable<Buffer>,
  context: ConversionContext,
): Promise<ConversionSummary> {
  const { pool, folder, output, limits, capabilities, signal, slot } = context
  const path = folder.path('source')
  const tasks = pool.openTasks()
  const cancel = () => tasks.abort('cancelled', signal.reason)
  signal.addEventListener('abort', cancel)
  try {
    let lastProgressAt = performance.now()
    const upload = await receiveUpload(chunks, {
      path,
      fileName: plan.fileName,
      maxBytes: limits.maxBytes,
      declaredBytes: plan.sizeBytes,
      capabilities,
      onProgress(receivedBytes) {
        if (performance.now() - lastProgressAt < progressIntervalMs) return
        lastProgressAt = performance.now()
        output.sendProgress({ stage: 'STAGE_UPLOADING', receivedBytes, renditionsDone: 0 })
      },
    })
    const received = { receivedBytes: upload.sizeBytes, renditionsDone: 0 }
    output.sendProgress({ stage: 'STAGE_QUEUED', ...received })
    await slot.startWork(signal)
    tasks.arrivedAt = performance.now()
    return await makeRenditions(plan, upload, tasks, context)
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

async function makeRenditions(
  plan: ConversionPlan,
  upload: Upload,
  tasks: TaskGroup,
  context: ConversionContext,
): Promise<ConversionSummary> {
  const { folder, output, limits, capabilities, slot, logger } = context
  const received = { receivedBytes: upload.sizeBytes, renditionsDone: 0 }
  const source = {
    path: folder.path('source'),
    format: upload.format,
    name: plan.fileName,
    trackedChanges: plan.trackedChanges,
  }
  const header = await tasks.run({ kind: 'inspect', source }, isShort(upload.format), () =>
    output.sendProgress({ stage: 'STAGE_CONVERTING', ...received }),
  )
  const inspection = header.result
  const work = planWork(plan.renditions, { ...inspection, ...upload }, context)
  // Inspecting a document is most of its work.
  const estimatedMs = header.ms + work.ms
  tasks.expectedMs = estimatedMs
  tasks.slowness = inspection.slowness
  const progress = () => ({
    stage: 'STAGE_CONVERTING' as const,
    receivedBytes: upload.sizeBytes,
    renditionsDone: made.length,
    renditionsTotal: work.renditions.length,
    estimatedMs,
  })
  const made: RenditionResult[] = []
  // Of several, the preview is of the first that is done, which is not known before.
  const isOnly = work.renditions.length === 1
  let hasStarted = false
  const onStart = () => {
    if (!hasStarted) output.sendProgress(progress())
    hasStarted = true
  }
  let preview: Promise<ConversionSummary['preview']> | undefined

  const makeRendition = async ({ plan: rendition, estimate }: PlannedRendition) => {
    const target = folder.path(`rendition-${rendition.index}-${rendition.page ?? 0}`)
    const { result, ms } = await tasks.run(
      { kind: 'convert', source, plan: rendition, target, limits, preview: isOnly },
      isShort(upload.format, estimate.ms),
      onStart,
    )
    made.push(result)
    if (made.length === work.renditions.length) slot.endWork()
    preview ??= result.preview
      ? Promise.resolve(toPreview(result.preview))
      : makePreview(tasks, { path: target, format: rendition.format }, limits, logger)
    await output.deliver(rendition, result, target, ms)
    // The summary follows a single one at once.
    if (!isOnly) output.sendProgress(progress())
  }
  let failure: { readonly error: unknown } | undefined
  await Promise.all(
    work.renditions.map((rendition) =>
      makeRendition(rendition).catch((error: unknown) => {
        // It ends the others, whose errors follow from it.
        failure ??= { error }
        tasks.abort('cancelled', asHeraldError(error))
      }),
    ),
  )
  const finishedPreview = await preview
  if (failure) throw failure.error
  return {
    ...summarize(plan, upload, inspection, made, capabilities, finishedPreview),
    queueMs: tasks.queueMs,
    conversionMs: tasks.conversionMs,
    estimatedMs,
    cpuMs: tasks.cpuMs,
    peakMemoryBytes: tasks.peakBytes,
  }
}

async function makePreview(
  tasks: TaskGroup,
  source: { path: string; format: string },
  limits: Limits,
  logger: Logger,
): Promise<ConversionSummary['preview']> {
  try {
    return toPreview((await tasks.run({ kind: 'preview', source, limits }, true)).result)
  } catch (error) {
    // The preview is optional.
    logger.debug({ err: error }, 'no preview')
    return undefined
  }
}

function toPreview({ base64, width, height }: Preview): ConversionSummary['preview'] {
  return { mediaType: 'image/jpeg', data: Buffer.from(base64, 'base64'), width, height }
}

function summarize(
  plan: ConversionPlan,
  upload: Upload,
  inspection: Inspection,
  made: readonly RenditionResult[],
  { versions }: Capabilities,
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
