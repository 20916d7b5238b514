import { appendFileSync } from 'node:fs'
import { openStore } from '#src/store/store'
import { keptRecords, recordOf } from './store-record.js'

/**
 * Writes to a store until it is killed. Each write puts the record of its number, removes the one
 * that is `keptRecords` older (so that pages are freed and reused) and increments a total that all
 * writers share. A number is appended to the acknowledgement file when its write has resolved.
 */
const [folder = '', acknowledgements = '', name = ''] = process.argv.slice(2)
const store = openStore(folder)
const records = store.table<string, [string, number]>('records')
const totals = store.table<number, string>('totals')

const [last] = records.entries({ start: [name, Number.MAX_SAFE_INTEGER], reverse: true, limit: 1 })
let next = last?.key[0] === name ? last.key[1] + 1 : 0

async function writeEndlessly(): Promise<never> {
  for (;;) {
    const number = next++
    await store.write(() => {
      records.put([name, number], recordOf(name, number))
      records.remove([name, number - keptRecords])
      totals.put('writes', (totals.get('writes') ?? 0) + 1)
    })
    // Handed to the kernel at once: a kill cannot undo it.
    appendFileSync(acknowledgements, `${number}\n`)
  }
}

await Promise.all([writeEndlessly(), writeEndlessly(), writeEndlessly(), writeEndlessly()])
