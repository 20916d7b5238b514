import { createTerminal } from '@herald/runtime/terminal'
import { untilStopped } from '@herald/runtime/until-stopped'
import { createProgram } from './program.js'

const program = { name: 'herald', stopped: 'stopped; nothing half done is left.' }

/** The program `herald`: ends the process with the command's exit status. */
export async function run(): Promise<void> {
  const terminal = createTerminal(process.stdout, process.stderr, process.env)
  const exitCode = await untilStopped(terminal, program, (signal) =>
    createProgram({ env: process.env, terminal, signal }).run(process.argv.slice(2)),
  )
  // A broker that hangs must not hold the process; what was printed must have left it.
  process.stdout.write('', () => process.exit(exitCode))
}
