import { writeSync } from 'node:fs'
import { openStore } from '#src/store/store'

/** Counts in a store, one write after the other, until SIGTERM; prints how often its last write was lost. */
const [folder = ''] = process.argv.slice(2)
const store = openStore(folder)
const table = store.table<number, string>('counter')
let count = table.get('count') ?? 0
let lost = 0
let stopping = false
process.on('SIGTERM', () => {
  stopping = true
})
writeSync(1, 'counting\n')
while (!stopping) {
  await store.write(() => {
    if ((table.get('count') ?? 0) !== count) lost += 1
    count += 1
    table.put('count', count)
  })
}
writeSync(1, `${JSON.stringify({ count, lost })}\n`)
await store.close()
