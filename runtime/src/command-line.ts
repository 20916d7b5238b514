import { Command, CommanderError } from 'commander'
import type { Terminal } from './terminal.js'
import { escapeControls } from './terminal-text.js'

export { type Command, InvalidArgumentError, Option } from 'commander'

/** A program of commands that prints to `terminal` and does not exit the process. */
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
 * Runs the command that `args` name. Resolves to undefined if it ran, else to the exit status: 0 for
 * help and version, 2 for an invalid call, after `onInvalidCall`. Rejects with the command's error.
 */
export async function runCommand(
  program: Command,
  args: readonly string[],
  onInvalidCall: (error: CommanderError) => void = () => {},
): Promise<number | undefined> {
  try {
    await program.parseAsync(args, { from: 'user' })
    return undefined
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    onInvalidCall(error)
    return 2
  }
}
