import { parseArgs } from 'node:util'
import { allBenches } from './all-benches.js'
import { isLacking, type Line, tableOf } from './line.js'
import { runBench } from './run-bench.js'
import { ourVersions } from './versions.js'

const usage = `Usage: npm run bench [-- name ...] [-- --json] [-- --short] [-- --complete]
  Benches: ${allBenches.map(({ name }) => name).join(', ')}.
  --json prints one JSON object a line. --short runs all of it once, small: its figures mean nothing.
  --complete fails as well where a rival is absent that bench/rivals/install or Debian brings.`

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        complete: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        short: { type: 'boolean', default: false },
      },
    })
    const unknown = positionals.find((asked) => !allBenches.some(({ name }) => name === asked))
    if (unknown !== undefined) throw new TypeError(`unknown bench ${unknown}`)
    const chosen = allBenches.filter(
      ({ name }) => positionals.length === 0 || positionals.includes(name),
    )
    return { ...values, chosen }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`)
    process.exit(2)
  }
}

const { complete, json, short, chosen } = readArguments()
const versions = ourVersions()
const lines: Line[] = []
const say = (line: string) => process.stderr.write(`  ${line}\n`)
for (const bench of chosen) {
  await runBench(bench, {
    short,
    say,
    versions,
    onLine(line) {
      lines.push(line)
      if (json) process.stdout.write(`${JSON.stringify(line)}\n`)
    },
  })
}
if (!json) process.stdout.write(`\n${tableOf(lines)}\n`)
const lacking = complete ? lines.filter(isLacking) : []
for (const { bench, rival, absent } of lacking) say(`${bench}: ${rival} is missing: ${absent}`)
// Slow is a finding, not a failure: only work that failed is one.
const failed = lacking.length > 0 || lines.some(({ error }) => error !== undefined)
process.exit(failed ? 1 : 0)
