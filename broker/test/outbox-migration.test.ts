import { thisProcess } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import { expect, test } from 'vitest'
import { announce, makeBench } from './outbox-bench.js'

test('entries of version 0.1.0 wait for the broker of the program that opens them first', async () => {
  const bench = await makeBench()
  const file = await bench.temporaryFile('a')
  const store = openStore(bench.outbox)
  const [prepared, ready] = ['prepared', 'ready'].map((name) => store.table<object, string>(name))
  const entry = { createdAtMs: 1, attempts: 2, lastFault: 'it was away', owner: thisProcess }
  await store.write(() => {
    ready?.put('1', { ...entry, announcement: announce('ready'), notBeforeMs: 0 })
    prepared?.put('2', { ...entry, announcement: announce('prepared', [file]), notBeforeMs: 0 })
  })
  await store.close()
  for (const outbox of [await bench.open(), await bench.open()]) {
    expect(outbox.entries()).toMatchObject([
      { id: '1', state: 'ready', broker: bench.brokerUrl, label: 'ready', attempts: 2 },
      { id: '2', state: 'prepared', files: [file], lastFault: 'it was away' },
    ])
    expect(outbox.countReady()).toBe(1)
  }
  const lease = await (await bench.open()).acquireLease()
  expect(lease?.next(new Set())[0]?.messages.map(({ value }) => `${Buffer.from(value)}`)).toEqual([
    'ready',
  ])
})
