import { existsSync, readFileSync } from 'node:fs'
import { oneOf } from '@herald/proto/option-types'
import { commandLine, runCommand } from '@herald/runtime/command-line'
import { escapeControls } from '@herald/runtime/terminal-text'
import type { CommandContext } from './command-context.js'
import type { Shell } from './commands/completion.js'
import { addConvertCommand, readAs } from './commands/convert-arguments.js'

/** The command line. Commands are loaded when they run: their libraries would slow --help. */
export function createProgram(context: CommandContext) {
  let exitCode = 0
  const program = commandLine('herald', context.terminal)
    .description('Converts files and tells people when they are ready.')
    .version(version(), '-V, --version')
    .showHelpAfterError('Try herald --help, or herald convert --help.')
    .addHelpText('after', afterHelp)

  addConvertCommand(program, async (files, options) => {
    const { convertCommand } = await import('./commands/convert.js')
    exitCode = await convertCommand(files, options, context)
  })

  program
    .command('formats')
    .description('Show what the converter can read and write.')
    .option('--json', 'one JSON object')
    .action(async (options: { json?: boolean }) => {
      const { formatsCommand } = await import('./commands/formats.js')
      exitCode = await formatsCommand(options, context)
    })

  const outbox = program
    .command('outbox')
    .description('Show what is converted and not announced yet; announce it.')
  outbox
    .command('list', { isDefault: true })
    .description('Show what waits (the same as herald outbox).')
    .option('--json', 'one JSON object a line')
    .action(async (options: { json?: boolean }) => {
      const { outboxListCommand } = await import('./commands/outbox.js')
      exitCode = await outboxListCommand(options, context)
    })
  outbox
    .command('flush')
    .description('Announce it now; exit status 0 when nothing is left, else 5.')
    .action(async () => {
      const { outboxFlushCommand } = await import('./commands/outbox.js')
      exitCode = await outboxFlushCommand(context)
    })
  outbox
    .command('drop')
    .description('Remove one announcement, so that it is never sent. Asks first.')
    .argument('<id>', 'the id that herald outbox shows')
    .option('--yes', 'do not ask')
    .action(async (id: string, options: { yes?: boolean }) => {
      const { outboxDropCommand } = await import('./commands/outbox.js')
      exitCode = await outboxDropCommand(id, options, context)
    })

  program
    .command('web')
    .description('Serve the web page: convert in a browser, http://localhost:8080.')
    .action(async () => {
      const { webCommand } = await import('./commands/web.js')
      exitCode = await webCommand(context)
    })

  program
    .command('why')
    .description('Show what became of a conversion or an event, from the upload to the mail.')
    .argument('<id>', 'the id of a conversion or of an event: herald convert --json prints both')
    .option('--json', 'one JSON object')
    .action(async (id: string, options: { json?: boolean }) => {
      const { whyCommand } = await import('./commands/why.js')
      exitCode = await whyCommand(id, options, context)
    })

  program
    .command('completion')
    .description('Print a script that completes commands and options in your shell.')
    .argument('<shell>', 'bash, zsh or fish', readAs('shell', oneOf(['bash', 'zsh', 'fish'])))
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./commands/completion.js')
      context.terminal.print(completionScript(program, shell))
    })

  return {
    /** Resolves to the exit status; rejects with what the command failed with. */
    async run(args: readonly string[]): Promise<number> {
      const refused = await runCommand(program, args, ({ code }) => {
        const [first = ''] = args
        const dashed = args.find((each) => /^-./.test(each) && existsSync(each))
        if (code === 'commander.unknownOption' && dashed !== undefined) {
          context.terminal.log(
            `If you mean the file ${escapeControls(dashed)}, write ./${escapeControls(dashed)}`,
          )
        }
        if (code !== 'commander.unknownCommand' || !existsSync(first)) return
        context.terminal.log(`To convert it: herald convert ${escapeControls(first)} --to webp`)
      })
      return refused ?? exitCode
    },
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

const afterHelp = `
Examples:
  herald convert harbour.jpg --to webp
  herald convert photos -r --to webp,avif --width 1600 --out web --notify ada@example.com
  herald formats
  source <(herald completion bash)

Exit status:
  0    done (also when an announcement is kept to be sent later)
  1    something went wrong inside, or the disk takes no more
  2    a wrong call: an unknown format, a bad option, a name that is taken
  3    a file that cannot be converted: missing, empty, damaged, too large;
       herald why: nothing is known of that id
  4    it took too long
  5    the converter is busy or cannot be reached; herald why: so is the notifier
  6    with --wait: an e-mail was not sent, or not in time
  130  stopped with Ctrl-C
  With several files: that of the first, in the order named, that failed.

Environment (defaults):
  HERALD_CONVERTER=localhost:50051
  HERALD_BROKER=(embedded, in HERALD_DATA/broker)
  HERALD_TOPIC=notifications
  HERALD_DATA=$XDG_STATE_HOME/herald, else ~/.local/state/herald
  HERALD_NOTIFIER=http://localhost:9102
  HERALD_SOURCE=/herald/cli
  HERALD_COMMAND=herald
  NO_COLOR (set to anything: no colours), FORCE_COLOR (colours also into a pipe)`
