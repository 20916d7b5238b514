import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import type { Admission } from './admission.js'
import type { Pool } from './children/pool.js'
import { type ConversionOutput, convertFile } from './conversion.js'
import { failureStatus } from './grpc/call-errors.js'
import { addressOf } from './grpc/connections.js'
import { type ConvertCall, Responder } from './grpc/responder.js'
import { readCall, type UploadLimits } from './incoming.js'
import type { ConverterMetrics } from './metrics.js'
import { sendRendition } from './send-rendition.js'
import { checkSpec } from './spec.js'
import type { Spool } from './spool.js'
import type { PlanningContext } from './work.js'

interface ConvertServices extends PlanningContext {
  readonly pool: Pool
  readonly spool: Spool
  readonly admission: Admission
  readonly uploadLimits: UploadLimits
  readonly metrics: ConverterMetrics
  readonly logger: Logger
}

/** The adapter between a call and `convertFile`: answers exactly once. */
export function convertHandler(services: ConvertServices): (call: ConvertCall) => void {
  return (call) => {
    const gone = new AbortController()
    call.on('cancelled', () =>
      gone.abort(new HeraldError('HERALD_CANCELLED', 'The caller cancelled the conversion.')),
    )
    void serve(call, gone.signal, services)
  }
}

async function serve(
  call: ConvertCall,
  signal: AbortSignal,
  services: ConvertServices,
): Promise<void> {
  const { metrics, logger } = services
  const startedAt = performance.now()
  const cleanups: (() => unknown)[] = []
  try {
    await convert(call, signal, services, cleanups)
    metrics.finished('ok', performance.now() - startedAt)
    call.end()
  } catch (thrown) {
    // A cancelled stream may throw anything; the reason of the signal counts.
    const error = signal.aborted ? signal.reason : thrown
    const code = error instanceof HeraldError ? error.code : 'HERALD_INTERNAL'
    metrics.finished(code, performance.now() - startedAt)
    if (!signal.aborted) call.emit('error', failureStatus(error, logger))
  }
  // After the answer, which does not wait for it.
  for (const cleanup of cleanups.reverse()) {
    try {
      await cleanup()
    } catch (error) {
      logger.error({ err: error }, 'cleanup failed')
    }
  }
}

async function convert(
  call: ConvertCall,
  signal: AbortSignal,
  services: ConvertServices,
  cleanups: (() => unknown)[],
): Promise<void> {
  const { admission, spool, capabilities, limits, uploadLimits, metrics } = services
  const incoming = readCall(call, uploadLimits)
  const plan = checkSpec(await incoming.spec(), capabilities, limits.maxBytes)
  const slot = admission.admit(addressOf(call.getPeer()))
  cleanups.push(slot.release)
  const logger = services.logger.child({ conversion: plan.conversionId })
  // Created while the admission is sent.
  const opening = spool.open()
  const ignore = () => {}
  opening.catch(ignore)
  cleanups.push(() => opening.then((folder) => folder.remove(), ignore))
  try {
    const responder = new Responder(call, signal, uploadLimits.idleMs)
    await responder.send({
      admitted: { conversionId: plan.conversionId, maxBytes: limits.maxBytes },
    })
    const folder = await opening
    const output: ConversionOutput = {
      sendProgress: (progress) => responder.sendProgress(progress),
      deliver: (rendition, result, path, ms) =>
        responder.runExclusive(() => sendRendition(responder, rendition, result, path, ms)),
    }
    const context = { ...services, slot, folder, output, signal, logger }
    const stopHeartbeat = responder.startHeartbeat()
    const summary = await convertFile(plan, incoming.chunks(), context).finally(stopHeartbeat)
    metrics.worked(summary)
    await responder.send({ summary })
    logger.info(
      {
        from: summary.input?.format,
        to: plan.renditions.map(({ format }) => format),
        bytes: summary.input?.sizeBytes,
        queueMs: summary.queueMs,
        conversionMs: summary.conversionMs,
        estimatedMs: summary.estimatedMs,
        cpuMs: summary.cpuMs,
        peakMemoryBytes: summary.peakMemoryBytes,
      },
      'converted',
    )
  } catch (error) {
    const code = error instanceof HeraldError ? error.code : 'HERALD_INTERNAL'
    logger.info({ code, cancelled: signal.aborted }, 'conversion failed')
    throw error
  }
}
