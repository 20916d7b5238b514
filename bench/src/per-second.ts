/** Does the work `total` times, `concurrency` at a time. Resolves to the rate per second. */
export async function perSecond(
  total: number,
  concurrency: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  const from = performance.now()
  await runConcurrently(total, concurrency, work)
  return (total * 1000) / (performance.now() - from)
}

/** Does the work `total` times, `concurrency` at a time. */
export async function runConcurrently(
  total: number,
  concurrency: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < total) await work(next++)
    }),
  )
}
