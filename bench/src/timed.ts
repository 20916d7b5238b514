/** How long the work took, in milliseconds; the mean of `times` in a row. */
export async function timed(work: () => Promise<unknown>, times = 1): Promise<number> {
  const from = performance.now()
  for (let time = 0; time < times; time++) await work()
  return (performance.now() - from) / times
}
