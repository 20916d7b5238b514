import { open } from 'node:fs/promises'
import type {
  EstimateResponse,
  ReceivedConversionSpec,
  RenditionEstimate,
} from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import type { Pool } from './children/pool.js'
import { isShort, type SourceFacts } from './estimate.js'
import { formatNamed } from './formats.js'
import { sniffBytes } from './sniff/sniff.js'
import { checkSpec, emptyFile, tooManyBytes } from './spec.js'
import type { Spool } from './spool.js'
import { readableFormat } from './upload.js'
import { type PlanningContext, planWork, type Work } from './work.js'

export interface FileServices extends PlanningContext {
  readonly pool: Pool
  readonly spool: Spool
}

/** The bytes after which the header is tried; if both fail, the whole file is read. */
const headerTriesAt = [64 * 1024, 1024 * 1024]
/** Applies to headers only, which take milliseconds; the pages of documents must be laid out. */
const inspectTimeoutMs = 5000

/**
 * Estimates the conversion of one file, from as few chunks as possible. Rejects if the file or the
 * spec is invalid; a file beyond the server's limits is an answer.
 */
export async function estimateFile(
  { sizeBytes: declared, ...spec }: ReceivedConversionSpec,
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
  services: FileServices,
): Promise<EstimateResponse> {
  const { spool, capabilities, limits } = services
  if (declared === 0) throw emptyFile()
  const plan = checkSpec(spec, capabilities, limits.maxBytes)
  const known: EstimateResponse = {}
  const folder = await spool.open()
  try {
    if (declared !== undefined && declared > limits.maxBytes) {
      throw tooManyBytes(declared, limits.maxBytes)
    }
    const { fileName, trackedChanges } = plan
    const file = { path: folder.path('source'), fileName, declared, trackedChanges }
    const source = await readHeader(chunks, file, signal, services)
    const { format, width, height, pages } = source
    const { mediaType } = formatNamed(format)
    const sizeBytes = declared ?? 0
    known.input = { format, mediaType, sizeBytes, width, height, pages }
    const work = planWork(plan.renditions, source, services)
    return { ...known, fits: true, renditions: describe(work), workMs: source.ms + work.ms }
  } catch (error) {
    if (!(error instanceof HeraldError) || !limitCodes.has(error.code)) throw error
    const { code, publicMessage, remedy = '' } = error
    return { ...known, fits: false, errorCode: code, message: publicMessage, remedy }
  } finally {
    await folder.remove()
  }
}

const limitCodes: ReadonlySet<string> = new Set([
  'HERALD_TOO_MANY_BYTES',
  'HERALD_TOO_MANY_PIXELS',
  'HERALD_TOO_MANY_PAGES',
])

function describe({ renditions }: Work): RenditionEstimate[] {
  const indices = [...new Set(renditions.map(({ plan }) => plan.index))]
  return indices.map((index) => {
    const files = renditions.filter(({ plan }) => plan.index === index)
    const { width = 0, height = 0, pages = 1, effort } = files[0]?.estimate ?? {}
    const workMs = files.reduce((sum, rendition) => sum + rendition.estimate.ms, 0)
    return {
      ...{ index, width, height, pages, files: files.length, workMs },
      ...(effort === undefined ? {} : { effort }),
    }
  })
}

/** Whether size and pages are known from the beginning of a file of that format. */
function isKnownFromHeader(format: string): boolean {
  // Of half an animation or document, only the pages so far would be counted.
  const { animates, paged } = formatNamed(format)
  return !animates && !paged
}

interface HeaderFile {
  readonly path: string
  readonly fileName: string
  readonly declared: number | undefined
  readonly trackedChanges: boolean
}

/** Reads chunks until the header can be read. */
async function readHeader(
  chunks: AsyncIterable<Buffer>,
  { path, fileName, declared, trackedChanges }: HeaderFile,
  signal: AbortSignal,
  { pool, capabilities, limits }: FileServices,
): Promise<SourceFacts & { readonly ms: number }> {
  const file = await open(path, 'wx', 0o600)
  const inspect = async (format: string) => {
    const isLaidOut = formatNamed(format).content === 'sheets'
    const tasks = pool.openTasks(isLaidOut ? {} : { budget: { timeoutMs: inspectTimeoutMs } })
    const cancel = () => tasks.abort('cancelled', signal.reason)
    signal.addEventListener('abort', cancel)
    try {
      signal.throwIfAborted()
      const source = { path, format, name: fileName, trackedChanges }
      const task = { kind: 'inspect', source } as const
      return await tasks.run(task, isShort(format))
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
  let received = 0
  let head = Buffer.alloc(0)
  let tries = 0
  try {
    for await (const chunk of chunks) {
      await file.writev([chunk])
      received += chunk.length
      if (received > limits.maxBytes) throw tooManyBytes(declared, limits.maxBytes)
      if (head.length < sniffBytes) head = Buffer.concat([head, chunk]).subarray(0, sniffBytes)
      if (received < (headerTriesAt[tries] ?? Number.POSITIVE_INFINITY)) continue
      tries++
      const format = await readableFormat({ head, fileName, path, isComplete: false }, capabilities)
      if (format === undefined || !isKnownFromHeader(format)) continue
      try {
        const { result, ms } = await inspect(format)
        return { ...result, format, sizeBytes: declared ?? received, ms }
      } catch (error) {
        // The header may be longer than what has come.
        if (!(error instanceof HeraldError) || error.code !== 'HERALD_CORRUPT_FILE') throw error
      }
    }
    if (received === 0) throw emptyFile()
    const format = await readableFormat({ head, fileName, path, isComplete: true }, capabilities)
    if (format === undefined) throw new Error('no format was detected in a complete file')
    const { result, ms } = await inspect(format)
    return { ...result, format, sizeBytes: received, ms }
  } finally {
    await file.close()
  }
}
