import { silentLogger } from '@herald/runtime'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Handed } from '../src/handed.js'
import type { EntryRecord, Records } from '../src/outbox-records.js'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

const record = {} as EntryRecord

function openHanded(markReady: (id: string) => Promise<boolean>) {
  const records = { markReady, bell: { ring() {} } } as unknown as Records
  return new Handed(records, silentLogger)
}

// Marked together with an older one, most of what is announced in a stream took the sync it was spared.
test('only what has waited for a tenth of a second is marked in the store', async () => {
  const marked: string[] = []
  const handed = openHanded(async (id) => marked.push(id) > 0)
  handed.add('a', record)
  await vi.advanceTimersByTimeAsync(60)
  handed.add('b', record)
  await vi.advanceTimersByTimeAsync(60)
  expect(marked).toEqual(['a'])
  await vi.advanceTimersByTimeAsync(60)
  expect(marked).toEqual(['a', 'b'])
  expect(handed.entries()).toEqual([])
})

test('where the store fails, that is not tried again and again', async () => {
  let tried = 0
  const handed = openHanded(async () => {
    tried += 1
    throw new Error('the disk is full')
  })
  handed.add('a', record)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(tried).toBe(1)
  expect(handed.has('a')).toBe(true)
})
