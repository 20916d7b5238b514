import { Readable } from 'node:stream'
import { BlobError, type BlobStore } from './blob-store.js'

const key = 'clock'
const maxTries = 10

/**
 * The time by the clock that gives blobs their `modifiedAtMs`, in milliseconds since 1970, to within a
 * second: programs on several machines have no other clock in common. Puts a small blob, which stays.
 * Rejects with BlobError.
 */
export async function readStoreClock(store: BlobStore): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    await store.delete(key)
    await store.put(key, Readable.from([Buffer.from('clock')])).catch((error: unknown) => {
      // Another program has just put it.
      if (!(error instanceof BlobError && error.code === 'BLOB_EXISTS')) throw error
    })
    const facts = await store.head(key)
    if (facts) return facts.modifiedAtMs
    if (tries === maxTries) {
      throw new BlobError('BLOB_FAILED', `${store.name}: a blob that was just put is missing.`)
    }
  }
}
