import { createTerminal } from '@herald/runtime/terminal'
import { runStack } from './run-stack.js'
import { stopRequests } from './stop-requests.js'

process.exitCode = await runStack({
  env: process.env,
  terminal: createTerminal(process.stdout, process.stderr, process.env),
  stopping: stopRequests(),
})
process.exit()
