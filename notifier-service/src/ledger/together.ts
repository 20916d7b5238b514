import type { Store } from '@herald/runtime/store'
import { MailNotFree } from './ledger.js'

interface Waiting {
  readonly change: () => unknown
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

/** Resolves to what `change` returns, once that is synced. */
export type WriteTogether = <T>(change: () => T) => Promise<T>

/**
 * Changes that are asked for while a write is under way go into the next one, all in one
 * transaction: a write of its own costs each more than its rows do. A change may throw MailNotFree
 * as long as it has put nothing; whatever else one throws is the disk's fault, and all of them fail.
 */
export function createTogether(store: Store): WriteTogether {
  let waiting: Waiting[] = []
  let writing = false

  async function drain(): Promise<void> {
    writing = true
    while (waiting.length > 0) {
      const changes = waiting
      waiting = []
      try {
        const settle = await store.write(() => changes.map(run))
        for (const each of settle) each()
      } catch (error) {
        for (const { reject } of changes) reject(error)
      }
    }
    writing = false
  }

  return (change) =>
    new Promise((resolve, reject) => {
      waiting.push({ change, resolve, reject })
      if (!writing) void drain()
    })
}

/** Returns what tells its outcome once the transaction is synced. */
function run({ change, resolve, reject }: Waiting): () => void {
  try {
    const result = change()
    return () => resolve(result as never)
  } catch (error) {
    if (!(error instanceof MailNotFree)) throw error
    return () => reject(error)
  }
}
