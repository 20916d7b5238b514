import { parseArgs } from 'node:util'
import { InboxError, openInboxClient } from '@herald/mailhog/inbox-client'
import { createTerminal } from '@herald/runtime/terminal'
import { findTarget, type Target } from './e2e/place.js'
import { runCases } from './e2e/run-cases.js'
import { StackError } from './readiness.js'
import { stopRequests } from './stop-requests.js'

const usage = `Usage: npm run e2e -- [--own] [--converter host:port] [--broker url] [--inbox url] [--patience seconds]
  Where: these, or HERALD_CONVERTER, HERALD_BROKER and HERALD_INBOX; else what npm start runs; else,
  as with --own, a stack of its own.`

const terminal = createTerminal(process.stdout, process.stderr, process.env)
const { paint } = terminal
const complain = (text: string) => terminal.tell(paint('red', text, 'stderr'))

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        own: { type: 'boolean', default: false },
        converter: { type: 'string' },
        broker: { type: 'string' },
        inbox: { type: 'string' },
        patience: { type: 'string', default: '20' },
      },
    })
    if (!/^\d+(\.\d+)?$/.test(values.patience)) throw new TypeError('--patience takes seconds')
    return values
  } catch (error) {
    complain(`${(error as Error).message}\n${usage}`)
    process.exit(2)
  }
}

const { patience, ...where } = readArguments()
const { signal } = stopRequests()
let target: Target | undefined
try {
  target = await findTarget(process.env, { ...where, signal })
  terminal.print(`\n  Herald end to end, on ${target.description}\n`)
  const inbox = await openInboxClient(target.inbox)
  const patienceMs = Number(patience) * 1000
  const failed = await runCases({
    target,
    inbox,
    env: process.env,
    patienceMs,
    paint,
    say: terminal.print,
    signal,
  })
  process.exitCode = signal.aborted ? 130 : failed === 0 ? 0 : 1
} catch (error) {
  if (!(error instanceof StackError || error instanceof InboxError)) throw error
  complain(error.message)
  process.exitCode = signal.aborted ? 130 : 1
} finally {
  await target?.close()
}
process.exit()
