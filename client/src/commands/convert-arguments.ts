import { type Command, Option } from '@herald/runtime/command-line'
import { type ConvertCommandOptions, fits, gravities } from './convert-options.js'
import {
  amountOfBytes,
  collect,
  colour,
  duration,
  list,
  metadata,
  oneOf,
  page,
  whole,
} from './option-values.js'

/** Adds `convert` to the program: its arguments, their forms, its help. */
export function addConvertCommand(
  program: Command,
  run: (files: string[], options: ConvertCommandOptions) => Promise<void>,
): void {
  program
    .command('convert')
    .description('Convert files, keep the results, announce them.')
    .argument('<files...>', 'files, folders (with -r), patterns such as "**/*.png"; - is stdin')
    .requiredOption('-t, --to <formats>', 'target formats: webp, or webp,jpeg for several', list)

    .optionsGroup('The picture:')
    .option('--width <pixels>', 'width of the box the picture is made to fit', whole(1, 65_535))
    .option('--height <pixels>', 'height of that box', whole(1, 65_535))
    .option(
      '--fit <how>',
      'how it fits a box of both: inside (default), cover, contain, fill, outside',
      oneOf(Object.keys(fits)),
    )
    .option(
      '--gravity <where>',
      'the part that --fit cover keeps: centre, north, northeast, …, attention, entropy',
      oneOf(Object.keys(gravities)),
    )
    .option('--rotate <degrees>', 'turn it clockwise', whole(0, 359))
    .option('--background <colour>', 'behind what is see-through or empty: ffffff, black', colour)
    .option('--enlarge', 'permit making the picture larger than it is')

    .optionsGroup('The encoder:')
    .option('--quality <1-100>', "the format's own unless said", whole(1, 100))
    .option('--max-bytes <amount>', 'the best quality that fits: 500k, 2M', amountOfBytes)
    .option('--lossless', 'encode without loss, where the format can')
    .option('--effort <0-9>', 'how hard it tries: 0 is fast, 9 is small', whole(0, 9))
    .option('--palette', 'at most 256 colours (PNG)')
    .option(
      '--keep <what>',
      'metadata to keep: exif, icc, gps (the location), or all, which is exif,icc',
      metadata,
    )

    .optionsGroup('Pages:')
    .option('--page <n|all>', 'one page or frame (the first is 1), or all: a file each', page)
    .option('--dpi <18-1200>', 'how fine a page of a document is drawn; 150', whole(18, 1200))
    .option('--tracked-changes', "show a document's tracked changes; they are accepted otherwise")

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

    .optionsGroup('The announcement:')
    .option('-n, --notify <address>', 'who gets an e-mail; repeat it for several', collect)
    .option('--no-announce', 'save the results only: publish no event, send no e-mail')
    .option('--language <tag>', 'the language of the e-mail, such as en')
    .option('--wait', 'wait until the mail server has the e-mail; exit status 6 if it is not sent')

    .optionsGroup('The run:')
    .option('--dry-run', 'only say what would be made, how long it would take; write nothing')
    .option('-j, --jobs <n>', "files at once; one more than the converter's cores", whole(1, 64))
    .addOption(
      new Option(
        '--timeout <duration>',
        'the most time for one file, and for --wait: 500ms, 30s, 10m',
      )
        .argParser(duration)
        .default(600_000, '10m'),
    )
    .option('--json', 'one JSON object a line for each file')
    .addHelpText('after', afterConvertHelp)
    .action(run)
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
