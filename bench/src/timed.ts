/** How long the work takes, in milliseconds: the mean of `times`. */
export async function timed(work: () => Promise<unknown>, times = 1): Promise<number> {
  const from = performance.now()
  for (let time = 0; time < times; time++) await work()
  return (performance.now() - from) / times
}
