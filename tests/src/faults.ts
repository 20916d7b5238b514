import { parseArgs } from 'node:util'
import { findKafka } from '@herald/kafka'
import { type KafkaFixture, openKafkaFixture } from './faults/kafka-fixture.js'
import { type Result, tableOf } from './faults/result.js'
import { alone, scenarios } from './faults/scenarios.js'

const known = [...Object.keys(alone), ...Object.keys(scenarios)]
const usage = `Usage: npm run faults -- [--seed N] [--events N] [--only name,name]
  Scenarios: ${known.join(', ')}. The same seed gives the same plan.`

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        events: { type: 'string', default: '10000' },
        only: { type: 'string', default: known.join() },
      },
    })
    const names = values.only.split(',')
    const unknown = names.find((name) => !known.includes(name))
    if (unknown !== undefined) throw new TypeError(`unknown scenario ${unknown}`)
    if (!/^\d+$/.test(values.seed)) throw new TypeError('--seed takes a whole number')
    if (!/^[1-9]\d{2,}$/.test(values.events)) throw new TypeError('--events takes at least 100')
    return { seed: Number(values.seed), events: Number(values.events), names }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`)
    process.exit(2)
  }
}

const { seed, events, names } = readArguments()
const print = (line: string) => process.stdout.write(`  ${line}\n`)
print(`seed ${seed}`)
const kafkaFixture = names.some((name) => name in scenarios) ? await openFixtureOrExit() : undefined
const results: Result[] = []
try {
  for (const name of names) {
    print(`\n  ${name}`)
    const scale = { seed, events, print }
    const result = await (alone[name]?.(scale) ??
      (kafkaFixture && scenarios[name]?.(kafkaFixture, scale)))
    if (result === undefined) continue
    results.push(result)
    if (result.leftOut !== undefined) print(`left out: ${result.leftOut}`)
    for (const note of result.notes ?? []) print(note)
    for (const failure of result.failures) print(`FAILED: ${failure}`)
    process.stdout.write(`${tableOf([result])}\n`)
  }
} finally {
  await kafkaFixture?.close()
}
process.stdout.write(`\n${tableOf(results)}\n\nseed ${seed}\n`)
process.exit(results.every(({ failures }) => failures.length === 0) ? 0 : 1)

async function openFixtureOrExit(): Promise<KafkaFixture> {
  const found = await findKafka()
  if ('missing' in found) {
    process.stderr.write(`${found.missing}\n`)
    process.exit(1)
  }
  const opened = await openKafkaFixture()
  process.once('SIGINT', () => void opened.close().finally(() => process.exit(130)))
  return opened
}
