import type { ReceivedProgress } from '@herald/proto/converter'
import type { HeraldError } from '@herald/proto/errors'

/** `unreachable`, `busy`: no converter takes the file for that reason; it is tried again. */
export type Stage = 'uploading' | 'unreachable' | 'busy' | 'waiting' | 'converting' | 'saving'

/** How far one conversion is, from what the converter reports and the bytes that come back. */
export interface ConversionProgress {
  readonly stage: Stage
  /** Renditions finished, of how many; 0 of 0 until that is known. */
  readonly done: number
  readonly total: number
  /** Of everything, 0 to 1, at `now` in milliseconds; never decreases. Undefined if unknown. */
  fraction(now: number): number | undefined
  onProgress(progress: ReceivedProgress, now: number): void
  /** No converter has taken the file, for the reason in `error`. */
  onWaiting(error: HeraldError): void
  /** `bytes` more of a rendition of `ofBytes` have arrived. */
  onBytes(bytes: number, ofBytes: number): void
}

const conversionEnds = 0.9
/** Without an estimate two thirds of the conversion's part are reached after that time. */
const usualMs = 3_000

/** `uploadShare`: which part of the whole the upload is. `sizeBytes`: undefined if not known. */
export function conversionProgress(
  sizeBytes: number | undefined,
  uploadShare: number,
): ConversionProgress {
  let stage: Stage = 'uploading'
  let done = 0
  let total = 0
  let uploaded = 0
  /** Of the current rendition. */
  let receivedShare = 0
  let convertingSince = 0
  let estimatedMs = 0
  let furthest = 0

  const converted = (now: number) => {
    const elapsedMs = now - convertingSince
    const byTime =
      estimatedMs > 0 ? Math.min(0.95, elapsedMs / estimatedMs) : 1 - Math.exp(-elapsedMs / usualMs)
    if (total <= 1) return byTime
    const byCount = (done + Math.min(1, receivedShare)) / total
    return done > 0 ? byCount : Math.max(byCount, byTime)
  }
  const reached = (now: number) => {
    if (stage === 'unreachable' || stage === 'busy') return furthest
    if (stage === 'uploading') return uploadShare * Math.min(1, uploaded / (sizeBytes || 1))
    if (stage === 'waiting') return uploadShare
    if (total > 1 || stage === 'converting') {
      return uploadShare + (conversionEnds - uploadShare) * Math.min(1, converted(now))
    }
    return conversionEnds + (1 - conversionEnds) * Math.min(1, receivedShare)
  }

  return {
    get stage() {
      return stage
    },
    get done() {
      return done
    },
    get total() {
      return total
    },
    fraction(now) {
      if (sizeBytes === undefined && stage === 'uploading') return undefined
      furthest = Math.max(furthest, Math.min(1, reached(now)))
      return furthest
    },
    onWaiting({ code }) {
      stage = code === 'HERALD_UNREACHABLE' ? 'unreachable' : 'busy'
    },
    onProgress(progress, now) {
      uploaded = progress.receivedBytes
      if (progress.stage === 'STAGE_UPLOADING') stage = 'uploading'
      if (progress.stage === 'STAGE_QUEUED') stage = 'waiting'
      if (progress.stage !== 'STAGE_CONVERTING') return
      if (stage !== 'converting' && stage !== 'saving') {
        stage = 'converting'
        convertingSince = now
      }
      if (progress.renditionsDone > done) {
        done = progress.renditionsDone
        receivedShare = 0
      }
      total = progress.renditionsTotal || total
      estimatedMs = progress.estimatedMs || estimatedMs
      if (total > 1) stage = done < total ? 'converting' : 'saving'
    },
    onBytes(bytes, ofBytes) {
      receivedShare += bytes / Math.max(1, ofBytes)
      if (total <= 1) stage = 'saving'
    },
  }
}
