import { readdir } from 'node:fs/promises'
import { openStore } from '@herald/runtime/store'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { OutboxStore } from '#src/outbox/outbox-store'
import {
  announce,
  leaseOf,
  makeFolders,
  readyOf,
  recordPublished,
  textMessage,
} from './outbox-folder.js'

test('what is prepared is kept byte for byte, also for another opening of the folder', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const file = await folders.temporaryFile('a.webp')
  const message = {
    key: null,
    value: Uint8Array.from({ length: 256 }, (_, byte) => byte),
    headers: { ce_id: Uint8Array.of(0xff, 0, 0x80), 'content-type': Buffer.from('x') },
  }
  const id = await outbox.prepare({
    topic: 'notifications',
    messages: [message],
    files: [file],
    label: 'a.png',
  })
  const other = await folders.open()
  expect(other.entries()).toMatchObject([
    {
      ...{ id, state: { kind: 'prepared' }, attempts: 0, lastError: undefined },
      ...{ broker: folders.brokerUrl, topic: 'notifications', label: 'a.png', files: [file] },
    },
  ])
  await outbox.place(id)
  expect(other.store.nextBatch(new Set())).toEqual([
    {
      entry: other.entry(id),
      messages: [
        {
          key: null,
          value: Buffer.from(message.value),
          headers: { ce_id: Buffer.of(0xff, 0, 0x80), 'content-type': Buffer.from('x') },
        },
      ],
    },
  ])
})

test('an entry of a given id is added once, also after it was published', async () => {
  const outbox = await (await makeFolders()).open()
  const id = '0193b1c7-0000-7000-8000-000000000001'
  expect(await outbox.prepare({ ...announce('x'), id })).toBe(id)
  expect(await outbox.prepare({ ...announce('again'), id })).toBe(id)
  expect(outbox.entries()).toMatchObject([{ id, label: outbox.entry(id)?.label }])
  await recordPublished(outbox, await leaseOf(outbox), id, { offset: '0' })
  await outbox.prepare({ ...announce('again'), id })
  expect(outbox.entries()).toEqual([])
})

test('an invalid announcement is refused', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const file = await folders.temporaryFile('a')
  const valid = announce('x', [file])
  for (const [invalid, reason] of [
    [{ ...valid, topic: '' }, /topic/],
    [{ ...valid, messages: [] }, /at least one message/],
    [{ ...valid, messages: [textMessage('')] }, /empty value/],
    [{ ...valid, files: [{ ...file, finalPath: 'a' }] }, /absolute/],
    [{ ...valid, files: [{ ...file, sha256: 'ABC' }] }, /SHA-256/],
    [{ ...valid, files: [file, file] }, /each path once/],
  ] as const) {
    await expect(outbox.prepare(invalid)).rejects.toThrow(reason)
  }
  expect(outbox.entries()).toEqual([])
})

test('an abandoned entry leaves nothing', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const id = await outbox.prepare(announce('x', [await folders.temporaryFile('a')]))
  await outbox.abandon(id)
  await outbox.abandon(id)
  expect(await readdir(folders.files)).toEqual([])
  expect(outbox.entries()).toEqual([])
})

describe('dropping', () => {
  test('removes an entry in any state but published', async () => {
    const outbox = await (await makeFolders()).open()
    const lease = await leaseOf(outbox)
    const ids = [
      await outbox.prepare(announce('ready')),
      await outbox.prepare(announce('set aside')),
      await outbox.prepare(announce('published')),
    ]
    await outbox.store.recordFailure(lease, ids.slice(1, 2), 'too large', Date.now() + 60_000)
    await recordPublished(outbox, lease, ids[2] ?? '', { offset: '0' })
    expect(await Promise.all(ids.map((id) => outbox.drop(id)))).toEqual([true, true, false])
    expect(outbox.entries()).toEqual([])
    expect(outbox.store.countReady()).toBe(0)
    expect(outbox.entry(ids[2] ?? '')?.state.kind).toBe('published')
  })

  test('of an entry that the broker acknowledges meanwhile leaves nothing', async () => {
    const outbox = await (await makeFolders()).open()
    const lease = await leaseOf(outbox)
    const id = await outbox.prepare(announce('x'))
    expect(readyOf(outbox)).toEqual([id])
    await outbox.drop(id)
    await recordPublished(outbox, lease, id, { offset: '0' })
    await outbox.store.recordFailure(lease, [id], 'late')
    expect([...outbox.entries(), ...outbox.store.published()]).toEqual([])
  })
})

test('entries are published in the order in which they were prepared, not placed', async () => {
  const folders = await makeFolders()
  const [outbox, other] = [await folders.open(), await folders.open()]
  const ids: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) {
    const files = name === 'b' || name === 'd' ? [await folders.temporaryFile(name)] : []
    ids.push(await (name === 'c' ? other : outbox).prepare(announce(name, files)))
  }
  expect(outbox.entries().map(({ id }) => id)).toEqual(ids)
  for (const id of [ids[3], ids[1]]) await outbox.place(id ?? '')
  expect(readyOf(other)).toEqual(ids)
})

test('a change by another opening of the outbox is noticed', async () => {
  const folders = await makeFolders()
  const [outbox, other] = [await folders.open(), await folders.open()]
  const id = await other.prepare(announce('x', [await folders.temporaryFile('a')]))
  const seen = outbox.changed().then(() => readyOf(outbox))
  await other.place(id)
  expect(await seen).toEqual([id])
})

test('a step of a relay reads the entries of one batch, however many wait', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  await Promise.all(
    Array.from({ length: 3000 }, (_, n) =>
      outbox.prepare({ ...announce('x'), topic: `t${n % 2}` }),
    ),
  )
  const reads = vi.fn()
  const store = openStore(folders.outbox)
  const counted = await OutboxStore.open(
    {
      ...store,
      table: (name, encoding) => {
        const table = store.table(name, encoding)
        return {
          ...table,
          get(key: never) {
            reads()
            return table.get(key)
          },
        } as never
      },
    },
    folders.brokerUrl,
  )
  onTestFinished(() => counted.close())
  expect(counted.nextBatch(new Set())).toHaveLength(128)
  expect(counted.nextBatch(new Set(['t0', 't1']))).toEqual([])
  // An entry and its messages each, and the first that is too many.
  expect(reads).toHaveBeenCalledTimes(2 * 129)
})

describe('waiting for an entry to be published', () => {
  test('ends when another opening of the outbox published it', async () => {
    const folders = await makeFolders()
    const [outbox, other] = [await folders.open(), await folders.open()]
    const id = await outbox.prepare(announce('x'))
    const published = outbox.untilPublished(id, 20_000)
    await recordPublished(other, await leaseOf(other), id, { partition: 3, offset: '7' })
    expect(await published).toEqual([{ partition: 3, offset: '7' }])
    expect(await other.untilPublished(id, 0)).toEqual([{ partition: 3, offset: '7' }])
    expect(outbox.entries()).toEqual([])
  })

  test('ends when the broker has acknowledged it, before that is recorded', async () => {
    const folders = await makeFolders()
    const [outbox, other] = [await folders.open(), await folders.open()]
    const id = await outbox.prepare(announce('x'))
    const recorded = recordPublished(outbox, await leaseOf(outbox), id, { offset: '7' })
    expect(await outbox.untilPublished(id, 0)).toEqual([{ offset: '7' }])
    await recorded
    expect(await other.untilPublished(id, 0)).toEqual([{ offset: '7' }])
  })

  test('ends after its timeout, at close, and at once for an unknown entry', async () => {
    const outbox = await (await makeFolders()).open()
    const id = await outbox.prepare(announce('x'))
    expect(await outbox.untilPublished(id, 10)).toBeUndefined()
    expect(await outbox.untilPublished('unknown', 20_000)).toBeUndefined()
    const waiting = outbox.untilPublished(id, 20_000)
    await outbox.close()
    expect(await waiting).toBeUndefined()
    await outbox.close()
  })

  test('is remembered for seven days', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const outbox = await (await makeFolders()).open()
    const lease = await leaseOf(outbox)
    const publishOne = async () => {
      const id = await outbox.prepare(announce('x'))
      await recordPublished(outbox, lease, id, { offset: '0' })
      return id
    }
    const first = await publishOne()
    vi.setSystemTime(Date.now() + 6 * 86_400_000)
    const second = await publishOne()
    expect(await outbox.untilPublished(first, 0)).toEqual([{ offset: '0' }])
    vi.setSystemTime(Date.now() + 2 * 86_400_000)
    await publishOne()
    expect(await outbox.untilPublished(first, 0)).toBeUndefined()
    expect(await outbox.untilPublished(second, 0)).toEqual([{ offset: '0' }])
  })
})
