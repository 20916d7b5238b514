import { integer, type OptionType } from '@herald/proto/option-types'
import { invalidOption, type OptionValues, parseOption } from '@herald/proto/option-values'
import { flagOf, optionRows, type RenditionOption } from '@herald/proto/rendition-options'
import { type Command, Option } from '@herald/runtime/command-line'
import { duration, restricted } from '@herald/runtime/env'

/** The options of `herald convert`. */
export interface ConvertCommandOptions extends OptionValues {
  readonly to: readonly string[]
  /** A folder; `-`: standard output. */
  readonly out?: string
  readonly recursive?: boolean
  readonly force?: boolean
  readonly skipExisting?: boolean
  /** The name of the file on standard input. */
  readonly name?: string
  /** Files to convert at a time. */
  readonly jobs?: number
  readonly dryRun?: boolean
  readonly notify?: readonly string[]
  /** False with --no-announce. */
  readonly announce: boolean
  readonly language?: string
  /** Wait until the e-mails are sent. */
  readonly wait?: boolean
  readonly json?: boolean
  /** Milliseconds for one file. */
  readonly timeout: number
}

/** Adds the command `convert`: its arguments, options and help. */
export function addConvertCommand(
  program: Command,
  run: (files: string[], options: ConvertCommandOptions) => Promise<void>,
): void {
  const command = program
    .command('convert')
    .description('Convert files, save the results and announce them.')
    .argument(
      '<files...>',
      'files, folders (with -r), patterns such as "**/*.png"; - for standard input',
    )
    .requiredOption('-t, --to <formats>', 'target formats, such as webp or webp,jpeg', formats)

  addRenditionOptions(command)
    .optionsGroup('Files:')
    .option(
      '-o, --out <folder>',
      'folder for the results; - for standard output (default: beside the source)',
    )
    .option(
      '-r, --recursive',
      'convert the files in folders and subfolders; --out mirrors the subfolders',
    )
    .option('-f, --force', 'overwrite existing files')
    .addOption(
      new Option('--skip-existing', 'skip files whose results exist, to continue a run').conflicts(
        'force',
      ),
    )
    .option('--name <name>', 'file name for standard input')

    .optionsGroup('Announcement:')
    .option('-n, --notify <address>', 'send an e-mail to this address; can be repeated', collect)
    .option('--no-announce', 'only save the results: publish no event, send no e-mail')
    .option('--language <tag>', 'language of the e-mail, such as en')
    .option('--wait', 'wait until the e-mail is sent; exit status 6 if it is not')

    .optionsGroup('Run:')
    .option('--dry-run', 'only show what would be made and how long it would take')
    .option(
      '-j, --jobs <n>',
      'files to convert at a time (default: one more than the converters work on at once)',
      readAs('jobs', integer(1, 64)),
    )
    .addOption(
      new Option('--timeout <duration>', 'time limit for one file, and for --wait: 500ms, 30s, 10m')
        .argParser(timeout)
        .default(600_000, '10m'),
    )
    .option('--json', 'print one JSON object per file and line')
    .addHelpText('after', afterConvertHelp)
    .action(run)
}

/** The options of a rendition, as the table has them. */
export function addRenditionOptions(command: Command): Command {
  for (const [name, option] of optionRows) {
    command.optionsGroup(`${option.group}:`).addOption(flagFor(name, option))
  }
  return command
}

/** `--fit <how>`, with its values and its default. */
function flagFor(name: string, { type, argument, help, ...option }: RenditionOption): Option {
  const flag = `--${flagOf(name)}`
  if (argument === undefined) return new Option(flag, help)
  const words = type.choices.length > 3 ? `: ${type.choices.join(', ')}` : ''
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
export const collect = (value: string, before: readonly string[] = []) => [...before, value]

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

A result has the name of its source: harbour.jpg becomes harbour.webp. If two formats share an
extension, the second result is harbour-2.webp. With --page all, scan.pdf becomes scan-page-01.png,
scan-page-02.png and so on. Existing files are not overwritten without --force.

From a folder, files with an extension that the converter reads are converted; hidden files and
results of earlier runs are skipped. Quote patterns, so that Herald expands them: ** matches any
subfolders. Formats are detected from content.

The result of standard input goes to standard output, unless --out names a folder. Colours and
progress bars are shown on terminals only; see NO_COLOR and FORCE_COLOR in herald --help.

Without --notify, the e-mail goes to the notifier's default address (HERALD_MAIL_TO). If the broker
is down, the announcement is kept on disk and sent later: see herald outbox.`
