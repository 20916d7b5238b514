import { parseArgs } from 'node:util'
import { findKafka } from '@herald/kafka'
import { type Result, tableOf } from './faults/result.js'
import { scenarios } from './faults/scenarios.js'
import { openStage } from './faults/stage.js'

const usage = `Usage: npm run faults -- [--seed N] [--events N] [--only name,name]
  Scenarios: ${Object.keys(scenarios).join(', ')}. The same seed makes the same plan.`

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        events: { type: 'string', default: '10000' },
        only: { type: 'string', default: Object.keys(scenarios).join() },
      },
    })
    const names = values.only.split(',')
    const unknown = names.find((name) => !(name in scenarios))
    if (unknown !== undefined) throw new TypeError(`there is no scenario ${unknown}`)
    if (!/^\d+$/.test(values.seed)) throw new TypeError('--seed takes a whole number')
    if (!/^[1-9]\d{2,}$/.test(values.events)) throw new TypeError('--events takes at least 100')
    return { seed: Number(values.seed), events: Number(values.events), names }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`)
    process.exit(2)
  }
}

const { seed, events, names } = readArguments()
const say = (line: string) => process.stdout.write(`  ${line}\n`)
const found = await findKafka()
if ('missing' in found) {
  process.stderr.write(`${found.missing}\n`)
  process.exit(1)
}
say(`seed ${seed}`)
const stage = await openStage()
process.once('SIGINT', () => void stage.close().finally(() => process.exit(130)))
const results: Result[] = []
try {
  for (const name of names) {
    say(`\n  ${name}`)
    const result = await scenarios[name]?.(stage, { seed, events, say })
    if (result === undefined) continue
    results.push(result)
    for (const note of result.notes ?? []) say(note)
    for (const fault of result.faults) say(`NOT KEPT: ${fault}`)
    process.stdout.write(`${tableOf([result])}\n`)
  }
} finally {
  await stage.close()
}
process.stdout.write(`\n${tableOf(results)}\n\nseed ${seed}\n`)
process.exit(results.every(({ faults }) => faults.length === 0) ? 0 : 1)
