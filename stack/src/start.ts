import { painter } from './paint.js'
import { runStack } from './run-stack.js'
import { stopRequests } from './stop-requests.js'

const paint = painter(process.stdout, process.env)

process.exitCode = await runStack({
  env: process.env,
  paint,
  say: (line) => process.stdout.write(`${line}\n`),
  complain: (text) => process.stderr.write(`${paint('red', text)}\n`),
  stopping: stopRequests(),
})
process.exit()
