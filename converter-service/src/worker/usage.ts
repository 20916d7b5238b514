import type { SelfReport } from './messages.js'
import { type ProcessUsage, readProcess, readTree, resetPeak } from './process-tree.js'

/** What one task has used so far, by the child and all it spawned. */
export interface Usage {
  readonly cpuMs: number
  /** The most it held at any one time, as far as was seen. */
  readonly peakBytes: number
}

/** How often a working child is looked at: what it uses in between is the error of every limit. */
const intervalMs = 40

/**
 * Watches a child while it works at one task. What the kernel says counts as well as what the
 * child says: the child is at hostile files.
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
    // The task is on its way: looking does not hold it up.
    setImmediate(() => {
      resetPeak(pid)
      this.#cpuBefore ??= readProcess(pid)?.cpuMs
    })
    this.#timer = setInterval(() => {
      this.#note(readTree(pid))
      this.#onSample(this.usage)
    }, intervalMs)
  }

  get usage(): Usage {
    return { cpuMs: this.#cpuMs, peakBytes: this.#peakBytes }
  }

  hear({ cpuMs, residentBytes }: SelfReport): void {
    this.#cpuMs = Math.max(this.#cpuMs, cpuMs)
    this.#peakBytes = Math.max(this.#peakBytes, residentBytes)
  }

  /** Takes the last look, at the child alone: whom it spawned and waited for is in its times. */
  stop(): Usage {
    clearInterval(this.#timer)
    this.#note(readProcess(this.#pid))
    return this.usage
  }

  #note(seen: ProcessUsage | undefined): void {
    if (!seen) return
    this.#cpuBefore ??= seen.cpuMs
    this.#cpuMs = Math.max(this.#cpuMs, seen.cpuMs - this.#cpuBefore)
    this.#peakBytes = Math.max(this.#peakBytes, seen.residentBytes, seen.peakBytes)
  }
}
