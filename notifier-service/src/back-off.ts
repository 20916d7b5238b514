export interface BackOff {
  /** The longest first wait, in milliseconds. */
  readonly firstMs: number
  /** The longest wait at all. */
  readonly capMs: number
}

/**
 * How long to wait after the `attempt`-th failure (from 1): anything up to a bound that doubles,
 * so that those who failed together do not come back together.
 */
export function backOffMs(backOff: BackOff, attempt: number, random = Math.random): number {
  return Math.ceil(random() * boundMs(backOff, attempt))
}

/** The same, but never less than half of the bound. */
export function longBackOffMs(backOff: BackOff, attempt: number, random = Math.random): number {
  return Math.ceil(((1 + random()) / 2) * boundMs(backOff, attempt))
}

function boundMs({ firstMs, capMs }: BackOff, attempt: number): number {
  return Math.min(capMs, firstMs * 2 ** Math.min(attempt - 1, 30))
}
