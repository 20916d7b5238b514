import { integer, type OptionType } from '@herald/proto/option-types'
import {
  flagOf,
  invalidOption,
  type OptionValues,
  optionRows,
  parseOption,
  type RenditionOption,
} from '@herald/proto/rendition-options'
import { type Command, Option } from '@herald/runtime/command-line'
import { duration, restricted } from '@herald/runtime/env'

/** What `herald convert` takes, as the command line was read. */
export interface ConvertCommandOptions extends OptionValues {
  readonly to: readonly string[]
  /** A folder; `-`: standard output. */
  readonly out?: string
  readonly recursive?: boolean
  readonly force?: boolean
  readonly skipExisting?: boolean
  /** What standard input is called. */
  readonly name?: string
  /** Files at once. */
  readonly jobs?: number
  readonly dryRun?: boolean
  readonly notify?: readonly string[]
  /** False with --no-announce. */
  readonly announce: boolean
  readonly language?: string
  /** Wait for what becomes of the mails. */
  readonly wait?: boolean
  readonly json?: boolean
  /** Milliseconds for one file. */
  readonly timeout: number
}

/** Adds `convert` to the program: its arguments, their forms, its help. */
export function addConvertCommand(
  program: Command,
  run: (files: string[], options: ConvertCommandOptions) => Promise<void>,
): void {
  const command = program
    .command('convert')
    .description('Convert files, keep the results, announce them.')
    .argument('<files...>', 'files, folders (with -r), patterns such as "**/*.png"; - is stdin')
    .requiredOption('-t, --to <formats>', 'target formats: webp, or webp,jpeg for several', formats)

  for (const [name, option] of optionRows) {
    command.optionsGroup(`${option.group}:`).addOption(flagFor(name, option))
  }

  command
    .optionsGroup('Files:')
    .option('-o, --out <folder>', 'where the results go; beside their source; - is stdout')
    .option('-r, --recursive', 'convert what is in folders, and in theirs; mirrored under --out')
    .option('-f, --force', 'replace files that exist')
    .addOption(
      new Option(
        '--skip-existing',
        'leave out files whose results exist; continues a run',
      ).conflicts('force'),
    )
    .option('--name <name>', 'what standard input is called')

    .optionsGroup('Announcement:')
    .option('-n, --notify <address>', 'who gets an e-mail; repeat it for several', collect)
    .option('--no-announce', 'save the results only: publish no event, send no e-mail')
    .option('--language <tag>', 'the language of the e-mail, such as en')
    .option('--wait', 'wait until the mail server has the e-mail; exit status 6 if it is not sent')

    .optionsGroup('Run:')
    .option('--dry-run', 'only say what would be made, how long it would take; write nothing')
    .option(
      '-j, --jobs <n>',
      "files at once; one more than the converter's cores",
      readAs('jobs', integer(1, 64)),
    )
    .addOption(
      new Option(
        '--timeout <duration>',
        'the most time for one file, and for --wait: 500ms, 30s, 10m',
      )
        .argParser(timeout)
        .default(600_000, '10m'),
    )
    .option('--json', 'one JSON object a line for each file')
    .addHelpText('after', afterConvertHelp)
    .action(run)
}

/** `--fit <how>`, with its values and its default. */
function flagFor(name: string, { type, argument, help, ...option }: RenditionOption): Option {
  const flag = `--${flagOf(name)}`
  if (argument === undefined) return new Option(flag, help)
  const words = type.words.length > 3 ? `: ${type.words.join(', ')}` : ''
  const usual = option.defaultText ?? option.default
  const described = `${help}${words} (default: ${usual})`
  return new Option(`${flag} <${argument}>`, described).argParser(readAs(flagOf(name), type))
}

/** Reads the value of the option `name`; of one that may be repeated with those before it. */
export const readAs =
  <Value>(name: string, type: OptionType<Value>) =>
  (text: string, before?: Value): Value => {
    const value = parseOption(name, type, text)
    return before !== undefined && type.merge ? type.merge(before, value) : value
  }

/** Each value of an option that may be repeated. */
const collect = (value: string, before: readonly string[] = []) => [...before, value]

/** `webp,avif`, repeatedly. */
export function formats(value: string, before: readonly string[] = []): string[] {
  const names = value.split(',').filter((name) => name.trim() !== '')
  if (names.length === 0) throw invalidOption('to', value, 'a format such as webp')
  return [...before, ...names]
}

const longestTimerMs = 2 ** 31 - 1
const timeoutType = restricted(
  duration('10m'),
  (ms) => ms >= 1 && ms <= longestTimerMs,
  'a duration such as 500ms, 30s or 10m',
)

/** In milliseconds. */
export function timeout(value: string): number {
  const ms = timeoutType.parse(value)
  if (ms === undefined) throw invalidOption('timeout', value, timeoutType.form)
  return ms
}

const afterConvertHelp = `
Examples:
  herald convert harbour.jpg --to webp
  herald convert *.png --to webp,avif --width 1600 --out web --notify ada@example.com
  herald convert photos -r --to webp --out web --max-bytes 200k
  herald convert "scans/**/*.pdf" --to png --page all --dpi 200
  herald convert portrait.jpg --to jpeg --width 400 --height 400 --fit cover --gravity attention -o faces
  curl -s https://example.com/harbour.png | herald convert - --to webp > harbour.webp
  herald convert photos -r --to avif --dry-run

A result is named for its source: harbour.jpg becomes harbour.webp; where two formats share an
extension, the second becomes harbour-2.webp. With --page all the pages of scan.pdf become
scan-page-01.png, scan-page-02.png, … with as many digits as the last page needs.
Nothing that exists is replaced without --force.

In a folder those files are taken whose names say that the converter reads them; hidden ones, and
what an earlier run made there, are left out. A pattern in quotes is Herald's own: ** is any folder.
What a file really is is read from its bytes.

Of standard input the result goes to standard output, unless --out names a folder. Colours and
progress are for terminals; NO_COLOR and FORCE_COLOR are heeded.

Without --notify the e-mail goes to the notifier's default address (HERALD_MAIL_TO). The announcement
is kept on disk until the broker has it: herald outbox.`
