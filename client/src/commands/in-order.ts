/** Passes on values that come in any order in the order of their indices, from 0, without gaps. */
export function inOrder<T>(pass: (value: T) => void): (index: number, value: T) => void {
  const waiting = new Map<number, T>()
  let next = 0
  return (index, value) => {
    waiting.set(index, value)
    for (; waiting.has(next); next++) {
      pass(waiting.get(next) as T)
      waiting.delete(next)
    }
  }
}
