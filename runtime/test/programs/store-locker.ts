import { existsSync, writeSync } from 'node:fs'
import { openStore } from '#src/store/store'

/** On SIGUSR2 writes to a store and keeps the writer lock while a file exists. */
const [folder = '', holdFile = ''] = process.argv.slice(2)
const store = openStore(folder)
const table = store.table<number, string>('t')
const sleeper = new Int32Array(new SharedArrayBuffer(4))
process.on('SIGUSR2', async () => {
  await store.write(() => {
    writeSync(1, 'inside\n')
    while (existsSync(holdFile)) Atomics.wait(sleeper, 0, 0, 5)
    table.put('writer', process.pid)
  })
  writeSync(1, 'done\n')
})
writeSync(1, 'ready\n')
setInterval(() => {}, 60_000)
