/**
 * Asks now and whenever `listen` hears of news, until the answer is another than null; resolves to
 * that, to undefined after `timeoutMs`.
 */
export function untilKnown<T>(
  ask: () => T | null,
  { listen, timeoutMs }: { listen: (heard: () => void) => () => void; timeoutMs: number },
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const look = () => {
      const known = ask()
      if (known === null) return
      stop()
      clearTimeout(timer)
      resolve(known)
    }
    const timer = setTimeout(() => {
      stop()
      resolve(undefined)
    }, timeoutMs)
    const stop = listen(look)
    look()
  })
}
