/** A lease in a table: its holder changes the row regularly for as long as it runs. */
export interface LeaseRow {
  readonly name: string
  /** Another one after each change of the row: `xmin::text`. */
  readonly version: string
  /** How long its holder may leave the row unchanged. */
  readonly leaseMs: number
}

/**
 * Finds leases whose holders are gone: the row has not changed for the length of the lease. That is
 * measured by the monotonic clock of this process, because clocks of machines differ and are set.
 */
export class LeaseWatch {
  readonly #maxPauseMs: number
  readonly #now: () => number
  readonly #seen = new Map<string, { readonly version: string; readonly sinceMs: number }>()
  #lookedAtMs = Number.NEGATIVE_INFINITY

  /**
   * After a longer pause between two looks every holder gets the length of its lease again: perhaps
   * none could reach the database meanwhile.
   */
  constructor(maxPauseMs: number, now: () => number = () => performance.now()) {
    this.#maxPauseMs = maxPauseMs
    this.#now = now
  }

  /**
   * Reads all rows, which are those of others, and returns those whose holders are gone. Such a row may
   * have changed since: it is to be deleted by name and version. Rejects as `read` does.
   */
  async findGone(read: () => Promise<readonly LeaseRow[]>): Promise<LeaseRow[]> {
    const askedAtMs = this.#now()
    const rows = await read()
    const readAtMs = this.#now()
    if (askedAtMs - this.#lookedAtMs > this.#maxPauseMs) this.#seen.clear()
    this.#lookedAtMs = readAtMs
    const gone = rows.filter(({ name, version, leaseMs }) => {
      const seen = this.#seen.get(name)
      if (seen?.version === version) return askedAtMs - seen.sinceMs >= leaseMs
      this.#seen.set(name, { version, sinceMs: readAtMs })
      return false
    })
    const names = new Set(rows.map(({ name }) => name))
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name)
    return gone
  }
}
