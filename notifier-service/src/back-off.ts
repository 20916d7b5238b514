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
export function backOffMs(
  { firstMs, capMs }: BackOff,
  attempt: number,
  random = Math.random,
): number {
  const bound = Math.min(capMs, firstMs * 2 ** Math.min(attempt - 1, 30))
  return Math.ceil(random() * bound)
}
