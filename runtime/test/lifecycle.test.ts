import { expect, test, vi } from 'vitest'
import { Lifecycle } from '#src/lifecycle'
import { silentLogger } from '#src/logger'

test('what was acquired last is released first, each once, one at a time', async () => {
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

test('a closer that fails stops no other, and the first fault is what close rejects with', async () => {
  const lifecycle = new Lifecycle(silentLogger)
  const first = vi.fn()
  lifecycle.defer('first', first)
  lifecycle.defer('second', () => Promise.reject(new Error('later fault')))
  lifecycle.defer('third', () => {
    throw new Error('earlier fault')
  })
  await expect(lifecycle.close()).rejects.toThrow('earlier fault')
  await expect(lifecycle.close()).rejects.toThrow('earlier fault')
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

test('what is acquired while the close runs is released as well', async () => {
  const lifecycle = new Lifecycle(silentLogger)
  const late = vi.fn()
  lifecycle.defer('only', () => lifecycle.defer('late', late))
  await lifecycle.close()
  expect(late).toHaveBeenCalledOnce()
})

test('what is acquired after the close is released at once', async () => {
  const lifecycle = new Lifecycle(silentLogger)
  await lifecycle.close()
  const late = vi.fn()
  lifecycle.defer('late', late)
  await vi.waitFor(() => expect(late).toHaveBeenCalledOnce())
})
