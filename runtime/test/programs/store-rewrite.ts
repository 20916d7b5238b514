import { openStore } from '#src/store/store'

/** Rewrites the same 50 records, 100 kB in all, `rounds` times. */
const [folder = '', rounds = '0'] = process.argv.slice(2)
const store = openStore(folder)
const table = store.table<string, number>('t')
for (let round = 0; round < Number(rounds); round += 1) {
  await store.write(() => {
    for (let key = 0; key < 50; key += 1) table.put(key, `${round}`.padEnd(2000, 'x'))
  })
}
await store.close()
