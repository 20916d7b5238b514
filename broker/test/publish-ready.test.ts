import type { Broker, Message } from '@herald/broker'
import type { OutboxEntry, RelayLease } from '@herald/broker/outbox'
import { Publisher } from '@herald/broker/publish-ready'
import { silentLogger } from '@herald/runtime'
import { expect, test } from 'vitest'
import { announce } from './outbox-bench.js'

/** An outbox that notes what is published when it is told to, and a publisher that works on it. */
function publishing() {
  const texts: string[] = []
  const kept: OutboxEntry[] = []
  const notes: { ids: string[]; keep: () => void; fail: (error: Error) => void }[] = []
  const lease: RelayLease = {
    ready: () => kept,
    acknowledged: () => {},
    published: (receipts) =>
      new Promise<void>((resolve, reject) => {
        const ids = receipts.map(({ id }) => id)
        const keep = () => {
          for (const id of ids) {
            const at = kept.findIndex((entry) => entry.id === id)
            kept.splice(at, 1)
          }
          resolve()
        }
        notes.push({ ids, keep, fail: reject })
      }),
    failed: async () => {},
    release: async () => {},
  }
  const broker = {
    async publish(_topic: string, messages: readonly Message[]) {
      return messages.map(({ value }) => ({ offset: `${texts.push(`${Buffer.from(value)}`)}` }))
    },
    close: async () => {},
  } as unknown as Broker
  const publisher = new Publisher(lease, async () => broker, { logger: silentLogger })
  const add = (id: string) => {
    const times = { createdAt: new Date(), notBefore: undefined }
    const entry = { id, state: 'ready', attempts: 0, lastFault: undefined, ...times } as const
    kept.push({ ...entry, announcement: { ...announce(id), overwrite: false } })
  }
  return { publisher, add, texts, notes }
}

test('the next goes out while the outbox still notes the one before, and none goes twice', async () => {
  const { publisher, add, texts, notes } = publishing()
  add('a')
  expect(await publisher.step()).toBe('progress')
  expect(await publisher.step()).toBe('idle')
  await expect.poll(() => notes.length).toBe(1)
  for (const id of ['b', 'c']) {
    add(id)
    expect(await publisher.step()).toBe('progress')
  }
  expect(texts).toEqual(['a', 'b', 'c'])
  expect(notes.map(({ ids }) => ids)).toEqual([['a']])
  notes[0]?.keep()
  await expect.poll(() => notes.length).toBe(2)
  expect(notes[1]?.ids).toEqual(['b', 'c'])
  const noted = publisher.noted()
  notes[1]?.keep()
  await noted
  expect(await publisher.step()).toBe('idle')
  expect(texts).toHaveLength(3)
})

test('what the outbox could not note is told at the next step, which sends nothing', async () => {
  const { publisher, add, texts, notes } = publishing()
  add('a')
  await publisher.step()
  const noted = publisher.noted()
  notes[0]?.fail(new Error('the disk is full'))
  await expect(noted).rejects.toThrow('the disk is full')
  add('b')
  await expect(publisher.step()).rejects.toThrow('the disk is full')
  expect(texts).toEqual(['a'])
  await publisher.close()
})
