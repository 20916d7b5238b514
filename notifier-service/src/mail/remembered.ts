/** So many answers are kept; then all are forgotten, the frequent ones to be known again at once. */
const most = 2000

/**
 * `make` with its answers kept, for what is asked again and again and takes long to work out:
 * Intl takes microseconds for each number. `make` must always give the same for the same.
 */
export function remembered<K extends string | number, V>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>()
  return (key) => {
    // A stranger's text may be long, and comes once.
    if (typeof key === 'string' && key.length > 200) return make(key)
    let value = known.get(key)
    if (value === undefined) {
      value = make(key)
      if (known.size === most) known.clear()
      known.set(key, value)
    }
    return value
  }
}
