/**
 * NODE_OPTIONS of a program whose machine has a clock that is ahead by so many milliseconds, or behind:
 * its Date, and that of the processes it starts. Monotonic clocks and the times of files are not changed.
 */
export function skewedClock(aheadMs: number): string {
  const script = `
    const Real = Date
    globalThis.Date = class Date extends Real {
      constructor(...given) {
        super(...(given.length === 0 ? [Date.now()] : given))
      }
      static now() {
        return Real.now() + ${aheadMs}
      }
    }`
  return `--import=data:text/javascript,${encodeURIComponent(script)}`
}
