import { createTerminal } from '@herald/runtime/terminal'
import { untilStopped } from '@herald/runtime/until-stopped'
import { createProgram } from './program.js'

const program = { name: 'herald', stopped: 'stopped; nothing half done is left.' }

/** The program `herald`: ends the process with the command's exit status. */
export async function run(): Promise<void> {
  const terminal = createTerminal(process.stdout, process.stderr, process.env)
  const context = (signal: AbortSignal) => ({
    env: process.env,
    terminal,
    signal,
    // Only when it is asked for: to look at standard input is to open it.
    get stdin() {
      return process.stdin
    },
    stdout: process.stdout,
  })
  const exitCode = await untilStopped(terminal, program, (signal) =>
    createProgram(context(signal)).run(process.argv.slice(2)),
  )
  // A broker that hangs must not hold the process; what was printed must have left it.
  process.stdout.write('', () => process.exit(exitCode))
}
