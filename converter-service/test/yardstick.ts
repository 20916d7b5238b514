/**
 * How late this machine is right now: a short timer is set again and again, and by how much it
 * misses is what anything else here may miss as well.
 */
export class Yardstick {
  #worstMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor() {
    this.#tick()
  }

  /** The worst since the last call; starts anew. */
  read(): number {
    const worst = this.#worstMs
    this.#worstMs = 0
    return worst
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #tick(): void {
    const from = performance.now()
    this.#timer = setTimeout(() => {
      this.#worstMs = Math.max(this.#worstMs, performance.now() - from - tickMs)
      this.#tick()
    }, tickMs)
  }
}
const tickMs = 5

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
