import { parseArgs } from 'node:util'
import { allBenches } from './all-benches.js'
import { isInstallable, type Line, tableOf } from './line.js'
import { runBench } from './run-bench.js'
import { ourVersions } from './versions.js'

const usage = `Usage: npm run bench [-- name ...] [-- --json] [-- --short] [-- --complete]
  Benches: ${allBenches.map(({ name }) => name).join(', ')}.
  --json prints one JSON object per line. --short does the least work; its figures mean nothing.
  --complete also fails if a rival is missing that bench/rivals/install or Debian can install.`

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
    const unknown = positionals.find((name) => !allBenches.some((bench) => bench.name === name))
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
const log = (line: string) => process.stderr.write(`  ${line}\n`)
for (const bench of chosen) {
  await runBench(bench, {
    short,
    log,
    versions,
    onLine(line) {
      lines.push(line)
      if (json) process.stdout.write(`${JSON.stringify(line)}\n`)
    },
  })
}
if (!json) process.stdout.write(`\n${tableOf(lines)}\n`)
const missing = complete ? lines.filter(isInstallable) : []
for (const { bench, rival, absent } of missing) log(`${bench}: ${rival} is missing: ${absent}`)
// Slow work does not make the command fail, only work that failed.
const failed = missing.length > 0 || lines.some(({ error }) => error !== undefined)
process.exit(failed ? 1 : 0)
