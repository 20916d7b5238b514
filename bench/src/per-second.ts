/** How many a second get done when `total` are done, `lanes` of them at any time. */
export async function perSecond(
  total: number,
  lanes: number,
  work: () => Promise<unknown>,
): Promise<number> {
  let left = total
  const from = performance.now()
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (left-- > 0) await work()
    }),
  )
  return (total * 1000) / (performance.now() - from)
}
