import { thisProcess } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import { expect, test } from 'vitest'
import { announce, makeFolders } from './outbox-folder.js'

test('entries of version 0.1.0 wait for the broker of the program that opens them first', async () => {
  const folders = await makeFolders()
  const file = await folders.temporaryFile('a')
  const store = openStore(folders.outbox)
  const [prepared, ready] = ['prepared', 'ready'].map((name) => store.table<object, string>(name))
  const entry = { createdAtMs: 1, attempts: 2, lastFault: 'it was away', owner: thisProcess }
  await store.write(() => {
    ready?.put('1', { ...entry, announcement: announce('ready'), notBeforeMs: 0 })
    prepared?.put('2', { ...entry, announcement: announce('prepared', [file]), notBeforeMs: 0 })
  })
  await store.close()
  for (const outbox of [await folders.open(), await folders.open()]) {
    expect(outbox.entries()).toMatchObject([
      { id: '1', state: { kind: 'ready' }, broker: folders.brokerUrl, label: 'ready', attempts: 2 },
      { id: '2', state: { kind: 'prepared' }, files: [file], lastError: 'it was away' },
    ])
    expect(outbox.store.countReady()).toBe(1)
  }
  const batch = (await folders.open()).store.nextBatch(new Set())
  expect(batch[0]?.messages.map(({ value }) => `${Buffer.from(value)}`)).toEqual(['ready'])
})
