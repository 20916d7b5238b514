/** When so many results are kept, all are dropped. */
const maxKept = 2000

/**
 * `make` with its results kept, for slow functions such as those of Intl, which take microseconds
 * a number. `make` must be pure.
 */
export function memoize<K extends string | number, V>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>()
  return (key) => {
    // Long texts come from events and rarely come twice.
    if (typeof key === 'string' && key.length > 200) return make(key)
    let value = known.get(key)
    if (value === undefined) {
      value = make(key)
      if (known.size === maxKept) known.clear()
      known.set(key, value)
    }
    return value
  }
}
