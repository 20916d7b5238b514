import { StoreError } from '@herald/runtime/store'

const maxItems = 200
/** While these are under way, what comes waits for the next. */
const maxRunning = 2

interface Waiting<T, R> {
  readonly item: T
  readonly resolve: (result: R) => void
  readonly reject: (error: unknown) => void
}

/**
 * Shares one statement, and so one sync, among calls that wait at the same time. `run` resolves to
 * the results in the order of its items. If it fails because of an item's data, each is run alone.
 */
export function createBatcher<T, R>(
  run: (items: readonly T[]) => Promise<readonly R[]>,
): (item: T) => Promise<R> {
  const waiting: Waiting<T, R>[] = []
  let running = 0

  async function runBatch(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item))
      for (const [at, each] of batch.entries()) each.resolve(results[at] as R)
    } catch (error) {
      if (batch.length > 1 && !(error instanceof StoreError)) {
        for (const each of batch) await runBatch([each])
      } else for (const each of batch) each.reject(error)
    }
  }

  function start(): void {
    while (running < maxRunning && waiting.length > 0) {
      running += 1
      void runBatch(waiting.splice(0, maxItems)).finally(() => {
        running -= 1
        start()
      })
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      // Calls of the same turn share a statement.
      if (waiting.length === 1) setImmediate(start)
    })
}
