import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { InboxError } from '@herald/mailhog/inbox-client'
import { dataFolder } from '@herald/runtime/data-folder'
import { createTerminal } from '@herald/runtime/terminal'
import { createReport } from './demo/report.js'
import { DemoError, runDemo } from './demo/run-demo.js'
import { findStack, type StackInUse } from './find-stack.js'
import { StackError } from './readiness.js'
import { stopRequests } from './stop-requests.js'

const terminal = createTerminal(process.stdout, process.stderr, process.env)
const printError = (text: string) => terminal.log(`\n${terminal.paint('red', text, 'stderr')}`)

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        own: { type: 'boolean', default: false },
        out: { type: 'string', default: 'demo-out' },
        patience: { type: 'string', default: '15' },
      },
    })
    if (!/^\d+(\.\d+)?$/.test(values.patience)) throw new TypeError('--patience takes seconds')
    return values
  } catch (error) {
    printError(
      `${(error as Error).message}\nUsage: npm run demo -- [--own] [--out folder] [--patience seconds]`,
    )
    process.exit(2)
  }
}

const { own, out, patience } = readArguments()
const { signal } = stopRequests()
let stack: StackInUse | undefined
try {
  stack = await findStack(process.env, {
    data: dataFolder(process.env),
    onlyOwn: own,
    signal,
  })
  await runDemo(stack, {
    out: resolve(out),
    mailTimeoutMs: Number(patience) * 1000,
    env: process.env,
    report: createReport(terminal),
    signal,
  })
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1
  const known =
    error instanceof DemoError || error instanceof StackError || error instanceof InboxError
  if (signal.aborted) printError('Stopped.')
  else if (known) printError(error.message)
  else throw error
} finally {
  await stack?.own?.stop()
}
process.exit()
