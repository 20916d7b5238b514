import type { ReceivedProgress } from '@herald/proto/converter'

export type Phase = 'uploading' | 'waiting' | 'converting' | 'receiving' | 'saving'

/** How far one file is. */
export interface FileProgress {
  readonly name: string
  readonly phase: Phase
  /** Renditions finished, of how many; 0 of 0 while that is not known. */
  readonly done: number
  readonly total: number
  /** Of all that is to be done, 0 to 1 at `now` in milliseconds. Never goes back. */
  fraction(now: number): number
  /** What the converter says. */
  heard(progress: ReceivedProgress, now: number): void
  /** So many bytes more of a rendition that has so many have arrived. */
  arrived(bytes: number, ofBytes: number): void
}

// How much of a bar each part gets: what people wait for most is the conversion.
const uploadEnds = 0.2
const conversionEnds = 0.9
/** Where nothing was predicted: after that long two thirds of the bar. */
const usualMs = 3_000

export function fileProgress(name: string, sizeBytes: number): FileProgress {
  let phase: Phase = 'uploading'
  let done = 0
  let total = 0
  let uploaded = 0
  let received = 0
  let convertingSince = 0
  let estimatedMs = 0
  let furthest = 0

  const reached = (now: number) => {
    if (phase === 'uploading') return uploadEnds * Math.min(1, uploaded / Math.max(1, sizeBytes))
    if (phase === 'waiting') return uploadEnds
    const elapsed = now - convertingSince
    const byTime =
      estimatedMs > 0 ? Math.min(0.95, elapsed / estimatedMs) : 1 - Math.exp(-elapsed / usualMs)
    const made = total > 1 ? (done + Math.min(1, received)) / total : 0
    const converted = total > 1 && done > 0 ? made : Math.max(made, byTime)
    const middle = uploadEnds + (conversionEnds - uploadEnds) * converted
    if (total > 1 || phase === 'converting') return Math.min(middle, conversionEnds)
    return conversionEnds + (1 - conversionEnds) * Math.min(1, received)
  }

  return {
    name,
    get phase() {
      return phase
    },
    get done() {
      return done
    },
    get total() {
      return total
    },
    fraction(now) {
      furthest = Math.max(furthest, Math.min(1, reached(now)))
      return furthest
    },
    heard(progress, now) {
      uploaded = progress.receivedBytes
      if (progress.stage === 'STAGE_UPLOADING') phase = 'uploading'
      if (progress.stage === 'STAGE_QUEUED') phase = 'waiting'
      if (progress.stage !== 'STAGE_CONVERTING') return
      if (phase !== 'converting' && phase !== 'receiving') {
        phase = 'converting'
        convertingSince = now
      }
      if (progress.renditionsDone > done) {
        done = progress.renditionsDone
        received = 0
      }
      total = progress.renditionsTotal || total
      estimatedMs = progress.estimatedMs || estimatedMs
      if (total > 1) phase = done < total ? 'converting' : 'saving'
    },
    arrived(bytes, ofBytes) {
      received += bytes / Math.max(1, ofBytes)
      if (phase === 'converting' && total <= 1) phase = 'receiving'
      if (received >= 0.999 && total <= 1) phase = 'saving'
    },
  }
}
