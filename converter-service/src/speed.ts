/** What one finished task teaches counts for as much as this part of all before it. */
const weight = 1 / 16
/** Shorter ones tell more about the clock than about the machine. */
const minMs = 20

/**
 * How this machine compares to the one the estimates were measured on, learnt from finished work.
 * Starts as an equal.
 */
export class Speed {
  #cpu = 0
  #stretch = 0

  /** Processor time here for one millisecond there. */
  get cpuFactor(): number {
    return Math.exp(this.#cpu)
  }

  /** Time on the clock for one millisecond there: the processor may be shared. */
  get factor(): number {
    return Math.exp(this.#cpu + this.#stretch)
  }

  learn(estimatedMs: number, cpuMs: number, ms: number): void {
    if (estimatedMs < minMs || cpuMs < minMs) return
    this.#cpu += (within(Math.log(cpuMs / estimatedMs)) - this.#cpu) * weight
    this.#stretch += (within(Math.log(ms / cpuMs)) - this.#stretch) * weight
  }
}

/** Neither one odd file nor many that are made on purpose turn the scale: a factor of 3 at the most. */
function within(value: number): number {
  return Math.max(-most, Math.min(most, value))
}
const most = Math.log(3)
