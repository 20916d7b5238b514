export interface BackOff {
  /** The longest first wait, in milliseconds. */
  readonly firstMs: number
  /** The longest wait. */
  readonly capMs: number
}

/**
 * How long to wait after the `attempt`-th failure (from 1): a random time up to a bound that doubles,
 * so that attempts that failed together are not repeated together.
 */
export function backOffMs(backOff: BackOff, attempt: number): number {
  return Math.ceil(Math.random() * boundMs(backOff, attempt))
}

/** The same, but never less than half of the bound. */
export function longBackOffMs(backOff: BackOff, attempt: number): number {
  return Math.ceil(((1 + Math.random()) / 2) * boundMs(backOff, attempt))
}

function boundMs({ firstMs, capMs }: BackOff, attempt: number): number {
  return Math.min(capMs, firstMs * 2 ** Math.min(attempt - 1, 30))
}
