import type { ReceivedProgress, ReceivedRenditionHeader } from '@herald/proto/converter'
import type { Progress } from './conversion-events.js'

/** Where on the bar each part of a conversion ends. */
const uploaded = 0.4
const queued = 0.45
const converted = 0.9

/** No more often than an eye can follow, in milliseconds. */
const everyMs = 80
/** How often a prediction is shown, where nothing else is known. */
const guessMs = 250

export interface Meter {
  progress(progress: ReceivedProgress): void
  bytes(count: number, header: ReceivedRenditionHeader): void
  /** Tells nothing from now on. */
  end(): void
}

/** Makes one bar of what the converter tells and of what comes back. `sizeBytes`: of the upload. */
export function createMeter(
  sizeBytes: number | undefined,
  tell: (progress: Progress) => void,
): Meter {
  let toldAt = 0
  let stage: Progress['stage'] | undefined
  let received = 0
  let furthest = 0
  let guessing: NodeJS.Timeout | undefined

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
  const converting = (share: number) =>
    show({ stage: 'converting', done: queued + (converted - queued) * share })

  /** A worker at one picture tells nothing: its time was predicted from the file's header. */
  const guess = (estimatedMs: number) => {
    const begun = Date.now()
    guessing ??= setInterval(
      () => converting(Math.min(0.9, (Date.now() - begun) / estimatedMs)),
      guessMs,
    )
  }
  const end = () => clearInterval(guessing)

  return {
    progress({ stage, receivedBytes, renditionsDone, renditionsTotal, estimatedMs }) {
      if (stage === 'STAGE_UPLOADING') {
        const done = sizeBytes ? Math.min(1, receivedBytes / sizeBytes) * uploaded : undefined
        show({ stage: 'uploading', done })
      } else if (stage === 'STAGE_QUEUED') show({ stage: 'waiting', done: queued })
      else if (stage === 'STAGE_CONVERTING') {
        converting(renditionsTotal > 0 ? renditionsDone / renditionsTotal : 0)
        if (estimatedMs > 0 && renditionsTotal <= 1) guess(estimatedMs)
      }
    },
    bytes(count, { sizeBytes: total }) {
      end()
      received += count
      const share = total > 0 ? Math.min(1, received / total) : 0
      show({ stage: 'saving', done: converted + (1 - converted) * share })
    },
    end,
  }
}
