/** The value that occurs most often, of several the first; undefined if there are none. */
export function mostFrequent<T>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  let found: T | undefined
  for (const [value, count] of counts) {
    if (found === undefined || count > (counts.get(found) ?? 0)) found = value
  }
  return found
}
