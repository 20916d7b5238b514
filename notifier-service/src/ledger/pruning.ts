import type { Store } from '@herald/runtime/store'
import type { LmdbGathering } from './lmdb-gathering.js'
import type { MailKey, MailRows } from './mail-rows.js'

/** Which mails to look at when old records are dropped: by a time that is not later than their last change. */
export interface Ages {
  /** Inside a write. */
  add(at: number, key: MailKey): void
  /** Up to `limit` mails of before that time. */
  before(time: number, limit: number): readonly AgeKey[]
  /** Inside a write. */
  remove(key: AgeKey): void
}

type AgeKey = [at: number, ...MailKey]

export function createAges(store: Store): Ages {
  const ages = store.table<true, AgeKey>('ages')
  return {
    add: (at, key) => ages.put([at, ...key], true),
    before: (time, limit) => [...ages.entries({ end: [time], limit })].map(({ key }) => key),
    remove: (key) => void ages.remove(key),
  }
}

/** So many in one write, so that neither the event loop nor the one writer waits for all of it. */
const sliceSize = 1000
const version = 1

export interface PruningParts {
  readonly store: Store
  readonly mails: MailRows
  readonly gathering: LmdbGathering
  readonly ages: Ages
  /** The record goes. Inside a write. */
  readonly onForgotten: (key: MailKey) => void
}

/** Returns the function that drops old records; it reads old ones alone. */
export function createPruning({ store, mails, gathering, ages, onForgotten }: PruningParts) {
  const versions = store.table<number, string>('versions')

  /** Earlier versions had no index. */
  async function indexOnce(): Promise<void> {
    if (versions.get('ages') === version) return
    for (let start: MailKey = ['', '']; ; ) {
      const slice = [...mails.table.entries({ start, limit: sliceSize })]
      await store.write(() => {
        for (const { key, value } of slice) ages.add(value.updatedAt, key)
      })
      const last = slice.at(-1)
      if (slice.length < sliceSize || last === undefined) break
      start = last.key
      await nextTurn()
    }
    await store.write(() => {
      gathering.indexAll()
      versions.put('ages', version)
    })
  }

  /** Inside a write. Says whether the record was dropped. */
  function look(before: number, age: AgeKey): boolean {
    const [, ...key] = age
    ages.remove(age)
    const record = mails.table.get(key)
    if (record === undefined) return false
    if (record.updatedAt < before && record.lane === undefined) {
      mails.forget(key, record)
      onForgotten(key)
      return true
    }
    // What waits, or was tried since, is looked at again when that is old.
    ages.add(Math.max(record.updatedAt, before), key)
    return false
  }

  return async function prune(before: number): Promise<number> {
    await indexOnce()
    let pruned = 0
    for (let old = ages.before(before, sliceSize); old.length > 0; ) {
      const slice = old
      pruned += await store.write(() => slice.filter((age) => look(before, age)).length)
      await nextTurn()
      old = ages.before(before, sliceSize)
    }
    for (let runs = sliceSize; runs === sliceSize; await nextTurn()) {
      runs = await store.write(() => gathering.forget(before, sliceSize))
    }
    return pruned
  }
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
