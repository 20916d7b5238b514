import { expect, test, vi } from 'vitest'
import { Lifecycle } from '#src/lifecycle'
import { silentLogger } from '#src/logger'

test('resources are released in reverse order, each once, one at a time', async () => {
  const lifecycle = new Lifecycle(silentLogger)
  const order: string[] = []
  for (const name of ['a', 'b', 'c']) {
    lifecycle.defer(name, async () => {
      order.push(`${name} begins, ${lifecycle.closing}`)
      await Promise.resolve()
      order.push(`${name} ends`)
    })
  }
  await Promise.all([lifecycle.close(), lifecycle.close()])
  await lifecycle.close()
  expect(order).toEqual(
    ['c', 'b', 'a'].flatMap((name) => [`${name} begins, ${name}`, `${name} ends`]),
  )
  expect(lifecycle.closing).toBeUndefined()
})

test('if a closer fails, the others still run, and close rejects with the first error', async () => {
  const lifecycle = new Lifecycle(silentLogger)
  const first = vi.fn()
  lifecycle.defer('first', first)
  lifecycle.defer('second', () => Promise.reject(new Error('later error')))
  lifecycle.defer('third', () => {
    throw new Error('earlier error')
  })
  await expect(lifecycle.close()).rejects.toThrow('earlier error')
  await expect(lifecycle.close()).rejects.toThrow('earlier error')
  expect(first).toHaveBeenCalledOnce()
})

test('the signal is aborted before the first closer runs', async () => {
  const lifecycle = new Lifecycle(silentLogger)
  const aborted = vi.fn()
  lifecycle.defer('only', () => aborted(lifecycle.signal.aborted))
  expect(lifecycle.signal.aborted).toBe(false)
  await lifecycle.close()
  expect(aborted).toHaveBeenCalledWith(true)
})

test('a resource deferred during the close is released as well', async () => {
  const lifecycle = new Lifecycle(silentLogger)
  const late = vi.fn()
  lifecycle.defer('only', () => lifecycle.defer('late', late))
  await lifecycle.close()
  expect(late).toHaveBeenCalledOnce()
})

test('a resource deferred after the close is released at once', async () => {
  const lifecycle = new Lifecycle(silentLogger)
  await lifecycle.close()
  const late = vi.fn()
  lifecycle.defer('late', late)
  await vi.waitFor(() => expect(late).toHaveBeenCalledOnce(), 60_000)
})
