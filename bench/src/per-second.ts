/** How many a second get done when `total` are done, `lanes` of them at any time. */
export async function perSecond(
  total: number,
  lanes: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  const from = performance.now()
  await inLanes(total, lanes, work)
  return (total * 1000) / (performance.now() - from)
}

/** Does the work `total` times, `lanes` of them at any time. */
export async function inLanes(
  total: number,
  lanes: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (next < total) await work(next++)
    }),
  )
}
