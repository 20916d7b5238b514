import { silentLogger, thisProcess } from '@herald/runtime'
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

test('entries of a build that was never released keep their broker and their state', async () => {
  const folders = await makeFolders()
  const store = openStore(folders.outbox)
  const entries = store.table<object, string>('entries')
  const messages = store.table<object, string>('messages')
  const { messages: kept, topic, label, files } = announce('x')
  const entry = {
    ...{ topic, label, files, broker: 'kafka://host:9092', owner: thisProcess },
    ...{ overwrite: false, folders: {}, bytes: 1, events: [], createdAtMs: 1, attempts: 2 },
  }
  await store.write(() => {
    entries.put('1', { ...entry, state: 'ready', lastFault: null, notBeforeMs: 0 })
    entries.put('2', { ...entry, state: 'ready', lastFault: 'too large', notBeforeMs: 5 })
    messages.put('1', kept)
  })
  await store.close()
  expect((await folders.open()).entries()).toMatchObject([
    { id: '1', state: { kind: 'ready' }, lastError: undefined },
    { id: '2', state: { kind: 'set aside', untilMs: 5 }, lastError: 'too large' },
  ])
  const kafka = await folders.open(silentLogger, 'kafka://host:9092')
  expect(kafka.store.nextBatch(new Set()).map(({ messages: [message] }) => message)).toEqual([
    { ...kept[0], value: expect.anything() },
  ])
})
