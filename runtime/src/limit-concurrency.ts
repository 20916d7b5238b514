/**
 * Returns a function that runs at most `max` tasks at once; the others wait, and start in the
 * order of the calls. It resolves and rejects as its task does.
 */
export function limitConcurrency(max: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    // A task that ends starts the next one itself, so that no later call overtakes it.
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
