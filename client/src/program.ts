import { readFileSync } from 'node:fs'
import { shown } from '@herald/runtime/terminal-text'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { CommandContext } from './command-context.js'
import type { ConvertCommandOptions } from './commands/convert-options.js'

/** The command line. Commands are loaded when they run: their libraries would slow --help. */
export function createProgram(context: CommandContext) {
  let exitCode = 0
  const program = new Command('herald')
    .description('Converts files and tells people when they are ready.')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.print(text.trimEnd()),
      writeErr: (text) => {
        const lines = text
          .trimEnd()
          .replace(/^error:/, 'herald:')
          .split('\n')
        for (const line of lines) context.terminal.tell(shown(line))
      },
    })
    .showHelpAfterError('Try herald --help, or herald convert --help.')
    .addHelpText('after', afterHelp)

  program
    .command('convert')
    .description('Convert files, keep the results, announce them.')
    .argument('<files...>', 'the files to convert; what they are is read from their bytes')
    .requiredOption('-t, --to <formats>', 'target formats: webp, or webp,jpeg for several', list)
    .option('--width <pixels>', 'width of the box the picture is made to fit', whole(1, 65_535))
    .option('--height <pixels>', 'height of that box', whole(1, 65_535))
    .addOption(
      new Option('--fit <how>', 'how it fits a box of both; inside unless said').choices([
        'inside',
        'cover',
        'contain',
        'fill',
        'outside',
      ]),
    )
    .option(
      '--quality <1-100>',
      "the encoder's quality; the format's own unless said",
      whole(1, 100),
    )
    .option('--lossless', 'encode without loss, where the format can')
    .option('--enlarge', 'permit making the picture larger than it is')
    .option('--keep-metadata', 'keep EXIF, XMP and IPTC; the location is removed in any case')
    .option('-o, --out <folder>', 'where the results go; beside their source unless said')
    .option('-f, --force', 'replace files that exist')
    .option('-n, --notify <address>', 'whom to tell by e-mail; repeat it for several', collect)
    .option('--language <tag>', 'the language to tell them in, such as en')
    .option('--json', 'one JSON object a line for each file')
    .addOption(
      new Option('--timeout <duration>', 'the most time for one file: 500ms, 30s, 10m')
        .argParser(duration)
        .default(600_000, '10m'),
    )
    .addHelpText('after', afterConvertHelp)
    .action(async (files: string[], options: ConvertCommandOptions) => {
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

  program
    .command('why')
    .description('Tell what became of a conversion or an event, from the upload to the mail.')
    .argument('<id>', 'the id of a conversion or of an event: herald convert --json tells both')
    .option('--json', 'one JSON object')
    .action(async (id: string, options: { json?: boolean }) => {
      const { whyCommand } = await import('./commands/why.js')
      exitCode = await whyCommand(id, options, context)
    })

  return {
    /** Resolves to the exit status; rejects with what the command failed with. */
    async run(args: readonly string[]): Promise<number> {
      try {
        await program.parseAsync(args, { from: 'user' })
        return exitCode
      } catch (error) {
        // Help and version end with 0; whatever else commander says is a wrong call.
        if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
        throw error
      }
    },
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

const collect = (value: string, before: readonly string[] = []) => [...before, value]

function list(value: string, before: readonly string[] = []): string[] {
  const names = value.split(',').filter((name) => name.trim() !== '')
  if (names.length === 0) throw new InvalidArgumentError('Name a format such as webp.')
  return [...before, ...names]
}

function whole(min: number, max: number) {
  return (value: string) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    if (number >= min && number <= max) return number
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`)
  }
}

const milliseconds: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const longestTimerMs = 2 ** 31 - 1

function duration(value: string): number {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(value) ?? []
  const total = Number(count) * (milliseconds[unit ?? ''] ?? Number.NaN)
  if (total >= 1 && total <= longestTimerMs) return total
  throw new InvalidArgumentError('Give a duration such as 500ms, 30s or 10m.')
}

const afterHelp = `
Examples:
  herald convert harbour.jpg --to webp
  herald convert *.png --to webp,avif --width 1600 --out web --notify ada@example.com
  herald formats

Exit status:
  0    done (also when an announcement is kept to be sent later)
  1    something went wrong inside, or the disk takes no more
  2    a wrong call: an unknown format, a bad option, a name that is taken
  3    a file that cannot be converted: missing, empty, damaged, too large;
       herald why: nothing is known of that id
  4    it took too long
  5    the converter is busy or cannot be reached; herald why: so is the notifier
  130  stopped with Ctrl-C
  With several files: that of the first, in the order named, that failed.

Environment (defaults):
  HERALD_CONVERTER=localhost:50051
  HERALD_BROKER=embedded:./data/broker
  HERALD_TOPIC=notifications
  HERALD_DATA=./data
  HERALD_NOTIFIER=http://localhost:9102
  HERALD_SOURCE=/herald/cli
  NO_COLOR (set to anything: no colours)`

const afterConvertHelp = `
A result is named for its source: harbour.jpg becomes harbour.webp; where two formats share an
extension, the second becomes harbour-2.webp. Nothing that exists is replaced without --force.

The announcement is kept on disk until the broker has it: herald outbox.`
