import type { ReceivedProgress, ReceivedRenditionHeader } from '@herald/proto/converter'
import type { HeraldError } from '@herald/proto/errors'
import { conversionProgress, type Stage } from '../conversion-progress.js'
import type { Progress } from './conversion-events.js'

/** A browser's line is slower than one between servers: the upload gets more of the bar. */
const uploadShare = 0.4
/** The shortest time between two updates of one stage. */
const minPauseMs = 80
/** How often the estimated part of a conversion is updated. */
const estimateMs = 250

export interface ProgressMeter {
  onProgress(progress: ReceivedProgress): void
  onWaiting(error: HeraldError): void
  onBytes(count: number, header: ReceivedRenditionHeader): void
  /** Publishes nothing from now on. */
  end(): void
}

/** Calls `publish` with the progress of a conversion, as often as a page can show it. */
export function createMeter(
  sizeBytes: number | undefined,
  publish: (progress: Progress) => void,
): ProgressMeter {
  const progress = conversionProgress(sizeBytes, uploadShare)
  let published: { readonly stage: Stage; readonly atMs: number } | undefined

  const update = () => {
    const now = Date.now()
    const { stage } = progress
    if (published?.stage === stage && now - published.atMs < minPauseMs) return
    published = { stage, atMs: now }
    publish({ stage, done: progress.fraction(now) })
  }
  const timer = setInterval(() => {
    if (progress.stage === 'converting') update()
  }, estimateMs)

  return {
    onProgress(reported) {
      progress.onProgress(reported, Date.now())
      update()
    },
    onWaiting(error) {
      progress.onWaiting(error)
      update()
    },
    onBytes(count, header) {
      progress.onBytes(count, header.sizeBytes)
      update()
    },
    end: () => clearInterval(timer),
  }
}
