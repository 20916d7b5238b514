import { parseArgs } from 'node:util'
import { findKafka } from '@herald/kafka'
import { type Result, tableOf } from './faults/result.js'
import { alone, scenarios } from './faults/scenarios.js'
import { openStage, type Stage } from './faults/stage.js'

const known = [...Object.keys(alone), ...Object.keys(scenarios)]
const usage = `Usage: npm run faults -- [--seed N] [--events N] [--only name,name]
  Scenarios: ${known.join(', ')}. The same seed makes the same plan.`

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
const say = (line: string) => process.stdout.write(`  ${line}\n`)
say(`seed ${seed}`)
const stage = names.some((name) => name in scenarios) ? await stageOnKafka() : undefined
const results: Result[] = []
try {
  for (const name of names) {
    say(`\n  ${name}`)
    const scale = { seed, events, say }
    const result = await (alone[name]?.(scale) ?? (stage && scenarios[name]?.(stage, scale)))
    if (result === undefined) continue
    results.push(result)
    for (const note of result.notes ?? []) say(note)
    for (const fault of result.faults) say(`NOT KEPT: ${fault}`)
    process.stdout.write(`${tableOf([result])}\n`)
  }
} finally {
  await stage?.close()
}
process.stdout.write(`\n${tableOf(results)}\n\nseed ${seed}\n`)
process.exit(results.every(({ faults }) => faults.length === 0) ? 0 : 1)

async function stageOnKafka(): Promise<Stage> {
  const found = await findKafka()
  if ('missing' in found) {
    process.stderr.write(`${found.missing}\n`)
    process.exit(1)
  }
  const opened = await openStage()
  process.once('SIGINT', () => void opened.close().finally(() => process.exit(130)))
  return opened
}
