/**
 * Returns a function that runs at most `max` tasks at once; the others wait, and start in the
 * order of the calls. It resolves and rejects as its task does.
 */
export function limitConcurrency(max: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    // A task that ends passes its place on directly, so that no later call takes it in between.
    if (running < max) running += 1
    else await new Promise<void>((start) => waiting.push(start))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
