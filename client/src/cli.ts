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
    // A getter, because reading the property opens standard input.
    get stdin() {
      return process.stdin
    },
    stdout: process.stdout,
  })
  const exitCode = await untilStopped(terminal, program, (signal) =>
    createProgram(context(signal)).run(process.argv.slice(2)),
  )
  // Exits even if a broker hangs, but not before the output is written.
  process.stdout.write('', () => process.exit(exitCode))
}
