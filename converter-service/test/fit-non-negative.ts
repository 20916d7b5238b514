/** A measured value and the amounts it is made of, by the name of their price. */
export interface Observation {
  readonly y: number
  readonly x: Readonly<Record<string, number>>
}

/** What is smaller than this weighs no more than this: the clock is not finer. */
const floor = 5

/**
 * The prices, none below zero, that explain the values best. Twice as much counts as half as much:
 * each error is taken relative to the geometric mean of both, which takes a few rounds to be known.
 */
export function fitNonNegative(observations: readonly Observation[]): Record<string, number> {
  const names = [...new Set(observations.flatMap(({ x }) => Object.keys(x)))]
  let prices = names.map(() => 0)
  const explained = ({ x }: Observation) =>
    names.reduce((sum, name, at) => sum + (x[name] ?? 0) * (prices[at] ?? 0), 0)
  for (let round = 0; round < 15; round++) {
    const weights = observations.map((each) => {
      const other = round === 0 ? each.y : explained(each)
      return 1 / Math.sqrt((each.y + floor) * (other + floor))
    })
    prices = fitOnce(observations, names, weights, prices)
  }
  return Object.fromEntries(names.map((name, at) => [name, prices[at] ?? 0]))
}

/** Weighted least squares, one price after the other until nothing moves any more. */
function fitOnce(
  observations: readonly Observation[],
  names: readonly string[],
  weights: readonly number[],
  start: readonly number[],
): number[] {
  const prices = [...start]
  const columns = names.map((name) =>
    observations.map(({ x }, index) => (x[name] ?? 0) * (weights[index] ?? 0)),
  )
  const left = observations.map(({ y }, index) => {
    const sum = columns.reduce(
      (all, column, at) => all + (column[index] ?? 0) * (prices[at] ?? 0),
      0,
    )
    return y * (weights[index] ?? 0) - sum
  })
  for (let round = 0; round < 400; round++) {
    for (const [at, column] of columns.entries()) {
      const square = column.reduce((sum, value) => sum + value ** 2, 0)
      if (square === 0) continue
      const pull = column.reduce((sum, value, index) => sum + value * (left[index] ?? 0), 0)
      const before = prices[at] ?? 0
      const now = Math.max(0, before + pull / square)
      prices[at] = now
      for (const [index, value] of column.entries()) {
        left[index] = (left[index] ?? 0) - value * (now - before)
      }
    }
  }
  return prices
}
