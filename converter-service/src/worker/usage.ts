import type { SelfReport } from './messages.js'
import { readTree, resetPeak } from './process-tree.js'

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
      this.#cpuBefore ??= readTree(pid)?.cpuMs
    })
    this.#timer = setInterval(() => {
      this.#look()
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

  /** Takes the last look. */
  stop(): Usage {
    clearInterval(this.#timer)
    this.#look()
    return this.usage
  }

  #look(): void {
    const tree = readTree(this.#pid)
    if (!tree) return
    this.#cpuBefore ??= tree.cpuMs
    this.#cpuMs = Math.max(this.#cpuMs, tree.cpuMs - this.#cpuBefore)
    this.#peakBytes = Math.max(this.#peakBytes, tree.residentBytes, tree.peakBytes)
  }
}
