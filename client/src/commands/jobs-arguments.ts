import { oneOf } from '@herald/proto/option-types'
import { invalidOption } from '@herald/proto/option-values'
import { type Command, Option } from '@herald/runtime/command-line'
import { duration, restricted } from '@herald/runtime/env'
import type { CommandContext } from '../command-context.js'
import { addRenditionOptions, collect, formats, readAs, timeout } from './convert-arguments.js'
import type { SubmitOptions } from './submit.js'

const dayMs = 86_400_000
/** A topic keeps commands for seven days. */
const expiryType = restricted(
  duration('1d'),
  (ms) => ms >= 1000 && ms <= 6 * dayMs,
  'a duration from 1s to 6d',
)

/** In milliseconds. */
function expiry(value: string): number {
  const ms = expiryType.parse(value)
  if (ms === undefined) throw invalidOption('expires', value, expiryType.form)
  return ms
}

/** Adds the commands of the queue: `submit` and `jobs`. `done` gets the exit status. */
export function addJobCommands(
  program: Command,
  context: CommandContext,
  done: (exitCode: number) => void,
): void {
  const submit = program
    .command('submit')
    .description('Put conversions into the queue, for workers. Prints the ids of the jobs at once.')
    .argument('<files...>', 'files, or patterns such as "**/*.png"')
    .requiredOption('-t, --to <formats>', 'target formats, such as webp or webp,jpeg', formats)
  addRenditionOptions(submit)
    .optionsGroup('Announcement:')
    .option('-n, --notify <address>', 'send an e-mail to this address; can be repeated', collect)
    .option('--language <tag>', 'language of the e-mail, such as en')
    .optionsGroup('Job:')
    .addOption(
      new Option('--priority <which>', 'normal, or high: before the normal ones')
        .argParser(readAs('priority', oneOf(['normal', 'high'])))
        .default('normal'),
    )
    .addOption(
      new Option('--expires <duration>', 'do not start it later than that from now: 10m, 2h, 6d')
        .argParser(expiry)
        .default(dayMs, '1d'),
    )
    .option('--json', 'print one JSON object per job and line')
    .addHelpText('after', afterSubmitHelp)
    .action(async (files: string[], options: SubmitOptions) => {
      const { submitCommand } = await import('./submit.js')
      done(await submitCommand(files, options, context))
    })

  const jobs = program.command('jobs').description('Show the jobs of the queue and their results.')
  jobs
    .command('list', { isDefault: true })
    .description('Show jobs, the newest first (default).')
    .option('--all', 'all jobs, not only the newest 50')
    .option('--json', 'print one JSON object per line')
    .action(async (options: { all?: boolean; json?: boolean }) => {
      const { listCommand } = await import('./jobs.js')
      done(await listCommand(options, context))
    })
  jobs
    .command('show')
    .description('Show one job.')
    .argument('<id>', 'id of a job')
    .option('-o, --out <folder>', 'save its results there')
    .option('--json', 'print one JSON object')
    .action(async (id: string, options: { out?: string; json?: boolean }) => {
      const { showCommand } = await import('./jobs.js')
      done(await showCommand(id, options, context))
    })
  jobs
    .command('cancel')
    .description('End jobs that have not ended. Exit status 3 if one has ended otherwise.')
    .argument('<ids...>', 'ids of jobs')
    .action(async (ids: string[]) => {
      const { cancelCommand } = await import('./jobs.js')
      done(await cancelCommand(ids, context))
    })
  jobs
    .command('retry')
    .description('Submit ended jobs again, as new jobs.')
    .argument('<ids...>', 'ids of jobs')
    .option('--json', 'print one JSON object per job and line')
    .action(async (ids: string[], options: { json?: boolean }) => {
      const { retryCommand } = await import('./jobs.js')
      done(await retryCommand(ids, options, context))
    })
  jobs
    .command('wait')
    .description('Wait until jobs have ended. The exit status is that of the first that failed.')
    .argument('<ids...>', 'ids of jobs')
    .option('-o, --out <folder>', 'save their results there')
    .addOption(
      new Option('--timeout <duration>', 'how long to wait: 30s, 10m, 2h')
        .argParser(timeout)
        .default(600_000, '10m'),
    )
    .option('--json', 'print one JSON object per job and line')
    .action(async (ids: string[], options: { out?: string; timeout: number; json?: boolean }) => {
      const { waitCommand } = await import('./jobs.js')
      done(await waitCommand(ids, options, context))
    })
}

const afterSubmitHelp = `
Examples:
  herald submit harbour.jpg --to webp --notify ada@example.com
  herald jobs
  herald jobs wait 0198d7a2-0000-7000-8000-000000000000 --out results

A worker converts the file: herald-converter --worker. Broker, blob store and topic must be the same
there: HERALD_BROKER, HERALD_BLOBS, HERALD_JOBS_TOPIC.`
