import type { SelfReport } from './messages.js'
import { type ProcessUsage, readProcess, readTree, resetPeak } from './process-tree.js'

/** What one task has used so far, by the child and all it spawned. */
export interface Usage {
  readonly cpuMs: number
  /** The highest sample. */
  readonly peakBytes: number
}

/** How often a working child is sampled. Limits are exceeded by what it uses in between. */
const intervalMs = 40

/**
 * Samples a child during one task. The kernel's figures count as well as the child's own, since
 * the child may be under the control of a hostile file.
 */
export class UsageMeter {
  readonly #pid: number
  readonly #onSample: (usage: Usage) => void
  readonly #timer: NodeJS.Timeout
  #cpuBefore: number | undefined
  #cpuMs = 0
  #peakBytes = 0

  /** `onSample` is called while it lasts, not at the end. */
  constructor(pid: number, onSample: (usage: Usage) => void) {
    this.#pid = pid
    this.#onSample = onSample
    // After the task was sent, so as not to delay it.
    setImmediate(() => {
      resetPeak(pid)
      this.#cpuBefore ??= readProcess(pid)?.cpuMs
    })
    this.#timer = setInterval(() => {
      this.#addSample(readTree(pid))
      this.#onSample(this.usage)
    }, intervalMs)
  }

  get usage(): Usage {
    return { cpuMs: this.#cpuMs, peakBytes: this.#peakBytes }
  }

  record({ cpuMs, residentBytes }: SelfReport): void {
    this.#cpuMs = Math.max(this.#cpuMs, cpuMs)
    this.#peakBytes = Math.max(this.#peakBytes, residentBytes)
  }

  /** Takes the last sample, of the child alone: its times include ended children of its own. */
  stop(): Usage {
    clearInterval(this.#timer)
    this.#addSample(readProcess(this.#pid))
    return this.usage
  }

  #addSample(seen: ProcessUsage | undefined): void {
    if (!seen) return
    this.#cpuBefore ??= seen.cpuMs
    this.#cpuMs = Math.max(this.#cpuMs, seen.cpuMs - this.#cpuBefore)
    this.#peakBytes = Math.max(this.#peakBytes, seen.residentBytes, seen.peakBytes)
  }
}
