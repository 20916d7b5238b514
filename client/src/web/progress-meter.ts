import type { ReceivedProgress, ReceivedRenditionHeader } from '@herald/proto/converter'
import type { Progress } from './news.js'

/** How much of the bar each part of a conversion takes. */
const uploaded = 0.45
const converted = 0.9

/** No more often than an eye can follow, in milliseconds. */
const everyMs = 80

/** Makes one bar of what the converter tells and of what comes back. `sizeBytes`: of the upload. */
export function createMeter(sizeBytes: number | undefined, tell: (progress: Progress) => void) {
  let toldAt = 0
  let stage: Progress['stage'] | undefined
  let received = 0
  let furthest = 0

  const show = (progress: Progress) => {
    const now = Date.now()
    // Files come back while the converter still tells of those before: a bar does not go back.
    if (progress.done !== undefined && progress.done < furthest) return
    if (progress.stage === stage && now - toldAt < everyMs) return
    furthest = progress.done ?? furthest
    stage = progress.stage
    toldAt = now
    tell(progress)
  }

  return {
    progress({ stage, receivedBytes, renditionsDone, renditionsTotal }: ReceivedProgress) {
      if (stage === 'STAGE_UPLOADING') {
        const done = sizeBytes ? Math.min(1, receivedBytes / sizeBytes) * uploaded : undefined
        show({ stage: 'uploading', done })
      } else if (stage === 'STAGE_QUEUED') show({ stage: 'waiting', done: uploaded })
      else if (stage === 'STAGE_CONVERTING') {
        const share = renditionsTotal > 0 ? renditionsDone / renditionsTotal : 0
        show({ stage: 'converting', done: uploaded + 0.1 + (converted - uploaded - 0.1) * share })
      }
    },
    bytes(count: number, { sizeBytes: total }: ReceivedRenditionHeader) {
      received += count
      const share = total > 0 ? Math.min(1, received / total) : 0
      show({ stage: 'saving', done: converted + (1 - converted) * share })
    },
  }
}
