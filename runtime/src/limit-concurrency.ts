/**
 * Returns a function that runs at most `max` tasks at once; the others wait, and start in the
 * order of the calls, an urgent one before the others. It resolves and rejects as its task does.
 */
export function limitConcurrency(max: number) {
  const waiting: (() => void)[] = []
  let running = 0
  return async <T>(task: () => Promise<T>, isUrgent = false): Promise<T> => {
    // A task that ends starts the next one itself, so that no later call overtakes it.
    if (running < max) running += 1
    else {
      await new Promise<void>((start) => {
        if (isUrgent) waiting.unshift(start)
        else waiting.push(start)
      })
    }
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
