import { openStore, type StoreError } from '#src/store/store'

/** Writes until the disk is full, then frees space and writes again; prints each result. */
const [folder = ''] = process.argv.slice(2)
const store = openStore(folder)
const table = store.table<Uint8Array, number>('heap', 'binary')
let kept = 0
try {
  for (; kept < 10_000; kept += 1) await store.write(() => table.put(kept, Buffer.alloc(50_000)))
} catch (error) {
  const { name, code, message } = error as StoreError
  console.log(JSON.stringify({ name, code, message }))
}
console.log(JSON.stringify({ kept, found: table.count() }))
await store.write(() => {
  for (let number = 0; number < kept; number += 1) table.remove(number)
})
await store.write(() => table.put(0, Buffer.from('again')))
console.log(JSON.stringify({ found: table.count() }))
await store.close()
