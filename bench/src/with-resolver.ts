/** A promise and its `resolve`. Node 20 has no Promise.withResolvers. */
export function withResolver<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
