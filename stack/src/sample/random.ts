/** Numbers from 0 (inclusive) to 1 (exclusive) that are the same in every run with that seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Draws from one seed, in the forms a picture needs. */
export function hand(seed: number) {
  const next = seeded(seed)
  const between = (low: number, high: number) => low + (high - low) * next()
  return {
    between,
    whole: (low: number, high: number) => Math.floor(between(low, high + 1)),
    chance: (share: number) => next() < share,
    /** One of `choices`, which is not empty. */
    pick: <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T,
  }
}

export type Hand = ReturnType<typeof hand>
