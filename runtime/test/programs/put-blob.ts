import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { openBlobStore } from '@herald/runtime/blobs'

// Puts a small blob; with `endless` begins one of 20 MB whose last byte never comes.
const [url = '', key = '', mode] = process.argv.slice(2)
const store = await openBlobStore(url)
const endless = async function* () {
  for (let piece = 0; piece < 320; piece += 1) yield randomBytes(65_536)
  await new Promise((resolve) => setTimeout(resolve, 2 ** 31 - 1))
}
await store.put(key, Readable.from(mode === 'endless' ? endless() : ['content']))
process.stdout.write('acknowledged\n')
await store.close()
