import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { openStore, type Store, type StoreKey } from '#src/store/store'
import { runProgramFile } from './run-program.js'
import { scratchFolder } from './scratch-folder.js'

function freshStore(): { store: Store; folder: string } {
  const folder = scratchFolder()
  const store = openStore(folder)
  onTestFinished(() => store.close())
  return { store, folder }
}

test('a write that throws is rolled back and rejects with its error, other writes are kept', async () => {
  const { store } = freshStore()
  const table = store.table<number, string>('t')
  const failure = new Error('no')
  const outcomes = await Promise.allSettled(
    ['a', 'b', 'c'].map((key, index) =>
      store.write(() => {
        table.put(key, index)
        table.put(`${key} again`, index)
        if (key === 'b') throw failure
        return key
      }),
    ),
  )
  expect(outcomes).toEqual([
    { status: 'fulfilled', value: 'a' },
    { status: 'rejected', reason: failure },
    { status: 'fulfilled', value: 'c' },
  ])
  expect([...table.entries()].map(({ key }) => key)).toEqual(['a', 'a again', 'c', 'c again'])
})

test('a write sees its own changes and those of earlier calls', async () => {
  const { store } = freshStore()
  const table = store.table<number, string>('t')
  await store.write(() => table.put('old', 1))
  const [seen] = await Promise.all([
    store.write(() => {
      table.put('new', 2)
      const removed = [table.remove('old'), table.remove('never')]
      return { removed, old: table.get('old'), new: table.get('new'), count: table.count() }
    }),
    store.write(() => table.put('new', (table.get('new') ?? 0) + 1)),
  ])
  expect(seen).toEqual({ removed: [true, false], old: undefined, new: 2, count: 1 })
  expect(table.get('new')).toBe(3)
})

test('a change that returns a promise is refused and rolled back', async () => {
  const { store } = freshStore()
  const table = store.table<number, string>('t')
  await expect(store.write(async () => table.put('a', 1))).rejects.toThrow('synchronous')
  expect(table.get('a')).toBeUndefined()
})

test('write resolves to the result of its change', async () => {
  const { store } = freshStore()
  for (const value of [undefined, null, 0, 4.452694326329068e-106, store]) {
    expect(await store.write(() => value)).toBe(value)
  }
})

test('put and remove outside a write, table and write inside one are refused', async () => {
  const { store } = freshStore()
  const table = store.table<number, string>('t')
  expect(() => table.put('a', 1)).toThrow('only be called inside write()')
  expect(() => table.remove('a')).toThrow('only be called inside write()')
  await expect(store.write(() => void store.table('u'))).rejects.toThrow(
    'table() cannot be called inside write()',
  )
  const [inner] = await store.write(() => [store.write(() => 1).catch((error: unknown) => error)])
  expect(await inner).toMatchObject({ message: 'write() cannot be called inside write().' })
})

test('a read sees the commit of another process within the same turn', async () => {
  const { store, folder } = freshStore()
  const records = store.table<number, string>('records')
  expect(records.get('key')).toBeUndefined()
  const { child, ended } = runProgramFile('store-open', [folder])
  await ended
  expect(records.get('key')).toBe(child.pid)
  expect([...records.entries()]).toEqual([{ key: 'key', value: child.pid }])
})

test('keys of every type are ordered', async () => {
  const { store } = freshStore()
  const keys: StoreKey[] = [
    ...[-1.5, 0, 2, 10, 1e15],
    ...['a', ['a', 2], ['a', 10], ['a', 10, 1], ['a', 'b'], 'a b', 'b', ['b', 0], 'ä'],
  ]
  const table = store.table<number>('t')
  await store.write(() => {
    for (const key of keys.toReversed()) table.put(key, 1)
  })
  expect([...table.entries()].map(({ key }) => key)).toEqual(keys)
})

test('a range includes its start, excludes its end, can be reversed and limited', async () => {
  const { store } = freshStore()
  const table = store.table<string, number>('t')
  await store.write(() => {
    for (let key = 0; key < 10; key += 1) table.put(key, `v${key}`)
  })
  const keys = (range: Parameters<typeof table.entries>[0]) =>
    [...table.entries(range)].map(({ key }) => key)
  expect(keys({ start: 3, end: 6 })).toEqual([3, 4, 5])
  expect(keys({ start: 6, end: 3, reverse: true })).toEqual([6, 5, 4])
  expect(keys({ start: 20, limit: 2, reverse: true })).toEqual([9, 8])
  expect(keys({ limit: 0 })).toEqual([])
  expect(table.count()).toBe(10)
  const range = { start: 3, end: 6 }
  expect([table.count(range), table.count({ ...range, limit: 2 })]).toEqual([3, 2])
  expect(range).toEqual({ start: 3, end: 6 })
})

test('entries are read lazily, and after a turn from the then latest state', async () => {
  const { store } = freshStore()
  const table = store.table<string, number>('t')
  await store.write(() => {
    for (const key of [1, 2, 3, 4]) table.put(key, 'old')
  })
  const taken: unknown[] = []
  for (const { key, value } of table.entries()) {
    taken.push([key, value])
    if (key !== 2) continue
    await store.write(() => {
      table.remove(2)
      table.remove(3)
      table.put(1, 'new')
      table.put(4, 'new')
      table.put(5, 'new')
    })
  }
  expect(taken).toEqual([
    [1, 'old'],
    [2, 'old'],
    [4, 'new'],
    [5, 'new'],
  ])
})

test('entries may be removed and rewritten during an iteration inside a write', async () => {
  const { store } = freshStore()
  const table = store.table<string, number>('t')
  await store.write(() => {
    for (let key = 0; key < 5000; key += 1) table.put(key, 'x'.repeat(100))
  })
  const before = table.entries()[Symbol.iterator]()
  before.next()
  const taken = await store.write(() => {
    const seen: number[] = []
    for (const { key } of table.entries()) {
      seen.push(key)
      if (key % 2 === 0) table.remove(key)
      else table.put(key, 'y'.repeat(300))
    }
    // An iterator from before the write and one that is never ended do no harm.
    expect(before.next().value?.key).toBe(1)
    table.entries()[Symbol.iterator]().next()
    return seen
  })
  expect(taken).toEqual(Array.from({ length: 5000 }, (_, key) => key))
  expect(table.count()).toBe(2500)
  expect(before.next().value?.key).toBe(3)
})

test('a slow reader does not make the file grow', async () => {
  const { store, folder } = freshStore()
  const table = store.table<string, number>('t')
  const size = () => statSync(join(folder, 'store', 'data.mdb')).size
  const rewrite = async (rounds: number) => {
    const program = runProgramFile('store-rewrite', [folder, `${rounds}`])
    expect(await program.ended, program.stderr()).toEqual({ code: 0, signal: null })
  }
  await rewrite(20)
  const settled = size()
  const slow = table.entries()[Symbol.iterator]()
  expect(slow.next().value?.key).toBe(0)
  await rewrite(200)
  expect(slow.next().value?.key).toBe(1)
  // Pinned, each round takes 100 kB of its own: 20 MB.
  expect(size()).toBeLessThan(settled * 2)
})

test('bytes that were read do not change later', async () => {
  const { store } = freshStore()
  const table = store.table<Uint8Array, number>('bytes', 'binary')
  const boxes = store.table<{ bytes: Uint8Array }, number>('boxes')
  const sizes = [0, 10, 5_000, 100_000]
  const fill = (index: number) => Buffer.alloc(sizes[index] as number, index + 1)
  await store.write(() => {
    for (const index of sizes.keys()) {
      table.put(index, fill(index))
      boxes.put(index, { bytes: fill(index) })
    }
  })
  const got = [...sizes.keys()].map((index) => table.get(index))
  const boxed = [...sizes.keys()].map((index) => boxes.get(index)?.bytes)
  const walked = [...table.entries()].map(({ value }) => value)
  await store.write(() => {
    for (const index of sizes.keys()) {
      table.put(index, Buffer.alloc(sizes[index] as number, 0xff))
      boxes.put(index, { bytes: Buffer.alloc(sizes[index] as number, 0xff) })
    }
  })
  await turn()
  for (const index of sizes.keys()) {
    table.get(index)
    for (const read of [got, boxed, walked]) {
      expect(Buffer.compare(read[index] as Uint8Array, fill(index))).toBe(0)
    }
  }
})

test('two handles on one folder see each other and close separately', async () => {
  const { store, folder } = freshStore()
  const other = openStore(folder)
  const [mine, its] = [store.table<number, string>('t'), other.table<number, string>('t')]
  await Promise.all([store.write(() => mine.put('a', 1)), other.write(() => its.put('b', 2))])
  expect([mine.get('b'), its.get('a')]).toEqual([2, 1])
  await other.close()
  expect(() => its.get('a')).toThrow(`The store in ${folder} is closed.`)
  await store.write(() => mine.put('c', 3))
  expect(mine.count()).toBe(3)
})

test('closing waits for pending writes, refuses later ones, and a reopened store has the data', async () => {
  const { store, folder } = freshStore()
  const table = store.table<number, number>('t')
  await store.write(() => table.put(0, 0))
  const writes = Array.from({ length: 50 }, (_, key) => store.write(() => table.put(key, key)))
  const walk = table.entries()[Symbol.iterator]()
  walk.next()
  await Promise.all([store.close(), store.close()])
  await Promise.all(writes)
  await expect(store.write(() => 1)).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  expect(() => walk.next()).toThrow('is closed')
  for (let round = 0; round < 20; round += 1) {
    const again = openStore(folder)
    expect(again.table('t').count()).toBe(50)
    await again.close()
  }
})
