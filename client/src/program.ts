import { existsSync, readFileSync } from 'node:fs'
import { oneOf } from '@herald/proto/option-types'
import { commandLine, runCommand } from '@herald/runtime/command-line'
import { escapeControls } from '@herald/runtime/terminal-text'
import type { CommandContext } from './command-context.js'
import type { BridgeCommandOptions } from './commands/bridge.js'
import type { Shell } from './commands/completion.js'
import { addConvertCommand, readAs } from './commands/convert-arguments.js'
import { addJobCommands } from './commands/jobs-arguments.js'

/** The command line. Commands are loaded when they run: their libraries would slow --help. */
export function createProgram(context: CommandContext) {
  let exitCode = 0
  const program = commandLine('herald', context.terminal)
    .description('Convert files, and notify people when they are ready.')
    .version(version(), '-V, --version')
    .showHelpAfterError('Try herald --help, or the command with --help.')
    .addHelpText('after', afterHelp)

  addConvertCommand(program, async (files, options) => {
    const { convertCommand } = await import('./commands/convert.js')
    exitCode = await convertCommand(files, options, context)
  })

  addJobCommands(program, context, (status) => {
    exitCode = status
  })

  program
    .command('formats')
    .description('Show what the converter can read and write.')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }) => {
      const { formatsCommand } = await import('./commands/formats.js')
      exitCode = await formatsCommand(options, context)
    })

  const outbox = program
    .command('outbox')
    .description('Show announcements that are not sent yet, send or drop them.')
  outbox
    .command('list', { isDefault: true })
    .description('Show announcements that are not sent yet (default).')
    .option('--json', 'print one JSON object per line')
    .action(async (options: { json?: boolean }) => {
      const { outboxListCommand } = await import('./commands/outbox.js')
      exitCode = await outboxListCommand(options, context)
    })
  outbox
    .command('flush')
    .description('Send them now. Exit status: 0 if none is left, else 5.')
    .action(async () => {
      const { outboxFlushCommand } = await import('./commands/outbox.js')
      exitCode = await outboxFlushCommand(context)
    })
  outbox
    .command('drop')
    .description('Delete one announcement, after a confirmation. It is never sent.')
    .argument('<id>', 'id as shown by herald outbox')
    .option('--yes', 'skip the confirmation')
    .action(async (id: string, options: { yes?: boolean }) => {
      const { outboxDropCommand } = await import('./commands/outbox-drop.js')
      exitCode = await outboxDropCommand(id, options, context)
    })

  program
    .command('web')
    .description('Serve the web page (http://localhost:8080).')
    .action(async () => {
      const { webCommand } = await import('./commands/web.js')
      exitCode = await webCommand(context)
    })

  program
    .command('why')
    .description('Show what happened to a conversion or an event, from the upload to the e-mail.')
    .argument('<id>', 'id of a conversion or an event, as printed by herald convert --json')
    .option('--json', 'print one JSON object')
    .action(async (id: string, options: { json?: boolean }) => {
      const { whyCommand } = await import('./commands/why.js')
      exitCode = await whyCommand(id, options, context)
    })

  program
    .command('bridge')
    .description('Copy topics from one broker to another, until it is stopped.')
    .requiredOption('--from <url>', 'the source, as in HERALD_BROKER')
    .requiredOption('--to <url>', 'the target, as in HERALD_BROKER')
    .option('--topic <names...>', 'topics to copy (default: HERALD_TOPIC)')
    .option('--group <name>', 'consumer group on the source (default: one for each target)')
    .option('--once', 'end when everything published so far is copied')
    .option('--skip-refused', 'leave out events that the target refuses for good, and end with 1')
    .action(async (options: BridgeCommandOptions) => {
      const { bridgeCommand } = await import('./commands/bridge.js')
      exitCode = await bridgeCommand(options, context)
    })

  program
    .command('completion')
    .description('Print a shell script that completes commands and options.')
    .argument('<shell>', 'bash, zsh or fish', readAs('shell', oneOf(['bash', 'zsh', 'fish'])))
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./commands/completion.js')
      context.terminal.print(completionScript(program, shell))
    })

  return {
    /** Resolves to the exit status; rejects with the error of the command. */
    async run(args: readonly string[]): Promise<number> {
      const refused = await runCommand(program, args, ({ code }) => {
        const [first = ''] = args
        const dashed = args.find((each) => /^-./.test(each) && existsSync(each))
        if (code === 'commander.unknownOption' && dashed !== undefined) {
          context.terminal.log(
            `For the file ${escapeControls(dashed)}, write ./${escapeControls(dashed)}`,
          )
        }
        if (code !== 'commander.unknownCommand' || !existsSync(first)) return
        context.terminal.log(
          `To convert the file: herald convert ${escapeControls(first)} --to webp`,
        )
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
  0    success, also if an announcement will be sent later
  1    internal error, or a file cannot be written
  2    invalid command: unknown format, invalid option, result exists
  3    invalid file: missing, empty, damaged, too large;
       herald why, herald outbox drop, herald jobs: unknown id
  4    timeout
  5    the converter is busy or cannot be reached; herald why: the notifier;
       herald outbox flush: announcements are left
  6    with --wait: an e-mail was not sent, or not in time
  130  stopped with Ctrl-C
  If several files fail, the exit status is that of the first one.

Environment variables and their defaults:
  HERALD_CONVERTER=localhost:50051
  HERALD_BROKER=(embedded, in HERALD_DATA/broker)
  HERALD_TOPIC=notifications
  HERALD_BLOBS=(a folder, HERALD_DATA/blobs)
  HERALD_JOBS_TOPIC=conversions
  HERALD_JOBS_WAITING=10000
  HERALD_SUBMITTER=(the name of the user)
  HERALD_DATA=($XDG_STATE_HOME/herald, or ~/.local/state/herald)
  HERALD_NOTIFIER=http://localhost:9102
  HERALD_SOURCE=/herald/cli
  HERALD_COMMAND=herald
  NO_COLOR=(any value: no colours)
  FORCE_COLOR=(colours in pipes, too; 0: no colours)`
