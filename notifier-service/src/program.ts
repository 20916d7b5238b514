import { commandLine, InvalidArgumentError, runCommand } from '@herald/runtime/command-line'
import type { CommandContext } from './command-context.js'
import { loadConfig } from './config.js'
import type { ReplayOptions } from './dead-letters/commands.js'

/** The command line. Commands are loaded when they run: their libraries would slow --help. */
export function createProgram(context: CommandContext) {
  let exitCode = 0
  const program = commandLine('herald-notifier', context.terminal)
    .description('Manage what the notifier could not deliver, and preview the mails it sends.')
    .showHelpAfterError('Try herald-notifier --help.')
    .addHelpText('after', afterHelp)

  const deadLetters = program
    .command('dead-letters')
    .description('Show the events that can never become a mail, and replay them.')
  deadLetters
    .command('list', { isDefault: true })
    .description('Show those that were not replayed (the same as herald-notifier dead-letters).')
    .option('--all', 'also those that were replayed')
    .option('--json', 'one JSON object a line')
    .action(async (options: { all?: boolean; json?: boolean }) => {
      const { listCommand } = await import('./dead-letters/commands.js')
      exitCode = await listCommand(options, context)
    })
  deadLetters
    .command('show')
    .description('Show everything about one.')
    .argument(
      '<which>',
      'its number in the list, its position such as 3/17, or the id of its event',
    )
    .option('--json', 'one JSON object')
    .action(async (which: string, options: { json?: boolean }) => {
      const { showCommand } = await import('./dead-letters/commands.js')
      exitCode = await showCommand(which, options, context)
    })
  deadLetters
    .command('replay')
    .description(
      'Publish events to their topic again, each once; what was delivered is not sent again.',
    )
    .argument('[which]', 'only one: its number, its position, or the id of its event')
    .option('--dry-run', 'show what would be replayed')
    .option('--limit <n>', 'at most this many, the oldest first', count)
    .option('--reason <text>', 'only those whose reason contains this text, in upper or lower case')
    .option('--json', 'one JSON object a line')
    .action(async (which: string | undefined, options: ReplayOptions) => {
      const { replayCommand } = await import('./dead-letters/commands.js')
      exitCode = await replayCommand(which, options, context)
    })

  program
    .command('mails')
    .alias('letters')
    .description('Write every kind of mail in every language to files, to check your templates.')
    .requiredOption('--out <folder>', 'the folder for the .html, .txt and .eml files')
    .option('--templates <folder>', 'templates of your own (default: HERALD_TEMPLATES)')
    .action(async (options: { out: string; templates?: string }) => {
      const { mailsCommand } = await import('./mail/mails-command.js')
      const { templates } = loadConfig(context.env)
      exitCode = await mailsCommand({ templates, ...options }, context)
    })

  return {
    /** Resolves to the exit status; rejects with what the command failed with. */
    async run(args: readonly string[]): Promise<number> {
      return (await runCommand(program, args)) ?? exitCode
    },
  }
}

function count(value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('Give a whole number from 1.')
}

const afterHelp = `
Examples:
  herald-notifier dead-letters
  herald-notifier dead-letters show 3
  herald-notifier dead-letters replay --reason "mailbox full" --dry-run
  herald-notifier mails --out ./mails --templates ./my-templates

Exit status:
  0    done
  1    something went wrong
  2    invalid arguments
  3    no such dead letter
  5    the broker cannot be reached

Environment (defaults):
  HERALD_BROKER=(embedded, in HERALD_DATA/broker)
  HERALD_TOPIC=notifications
  HERALD_TEMPLATES=(the built-in ones)`
