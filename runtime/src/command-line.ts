import { Command, CommanderError } from 'commander'
import type { Terminal } from './terminal.js'
import { escapeControls } from './terminal-text.js'

export { type Command, InvalidArgumentError, Option } from 'commander'

/** A program of commands that speaks through `terminal` and never ends the process by itself. */
export function commandLine(name: string, terminal: Terminal): Command {
  return new Command(name).exitOverride().configureOutput({
    writeOut: (text) => terminal.print(text.trimEnd()),
    writeErr: (text) => {
      const lines = text
        .trimEnd()
        .replace(/^error:/, `${name}:`)
        .split('\n')
      for (const line of lines) terminal.log(escapeControls(line))
    },
  })
}

/**
 * Runs the command that `args` name. Resolves to undefined where it ran, else to the exit status:
 * 0 of help and version, 2 of a wrong call, which `refused` hears of. Rejects with what the
 * command failed with.
 */
export async function runCommand(
  program: Command,
  args: readonly string[],
  refused: (error: CommanderError) => void = () => {},
): Promise<number | undefined> {
  try {
    await program.parseAsync(args, { from: 'user' })
    return undefined
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    refused(error)
    return 2
  }
}
