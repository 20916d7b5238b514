import { openStore, type StoreError } from '#src/store/store'

/** Opens a store, puts a record, and prints the result. */
const [folder = '', key = 'key'] = process.argv.slice(2)
try {
  const store = openStore(folder)
  const records = store.table<number, string>('records')
  await store.write(() => records.put(key, process.pid))
  console.log(JSON.stringify({ wrote: process.pid }))
  await store.close()
} catch (error) {
  const { name, code, message } = error as StoreError
  console.log(JSON.stringify({ name, code, message }))
}
