import { writeSync } from 'node:fs'
import { openStore } from '#src/store/store'

/** Writes `count` records, one after the other or at once, and prints a line after each. */
const [folder = '', count = '0', how = 'in turn'] = process.argv.slice(2)
const store = openStore(folder)
const table = store.table<string, number>('sequence')
const write = async (number: number) => {
  await store.write(() => table.put(number, 'x'.repeat(200)))
  writeSync(1, `acknowledged ${number}\n`)
}
const numbers = Array.from({ length: Number(count) }, (_, number) => number)
if (how === 'at once') await Promise.all(numbers.map(write))
else for (const number of numbers) await write(number)
await store.close()
