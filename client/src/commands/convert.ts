import { availableParallelism } from 'node:os'
import { errorTable, HeraldError } from '@herald/proto/errors'
import { escapeControls } from '@herald/runtime/terminal-text'
import { v7 as uuidv7 } from 'uuid'
import { type AnnouncedEvent, type Announcer, withAnnouncer, withRelay } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { type ClientConfig, loadConfig } from '../config.js'
import { type ConverterClient, openConverter } from '../converter-client.js'
import { standardStream } from '../find-inputs.js'
import { readLanguage, readRecipients } from '../recipients.js'
import { type StandardOutput, scratchFolder, writeToStandardOutput } from '../standard-streams.js'
import type { ConvertCommandOptions } from './convert-arguments.js'
import { jsonReport } from './convert-json.js'
import { humanReport } from './convert-report.js'
import { convertAll, type Run } from './convert-run.js'
import { dryRun } from './dry-run.js'
import { type FileOutcome, failedConversion } from './file-conversion.js'
import { allMailed, type MailOutcome, reportMails, waitForMails } from './mail-outcomes.js'
import { type PreparedRun, prepareRun } from './prepare-run.js'
import { showBars } from './progress-bars.js'
import { runTally } from './run-tally.js'

/** Converts the files and announces them; resolves to the exit status. */
export async function convertCommand(
  words: readonly string[],
  options: ConvertCommandOptions,
  context: CommandContext,
): Promise<number> {
  const config = loadConfig(context.env)
  const piped = isPiped(words, options)
  checkStreams(words, options, piped, context)
  const recipients = recipientsOf(options)
  const run: Run = {
    runId: uuidv7(),
    source: config.source,
    topic: config.topic,
    recipients,
    language: readLanguage(options.language ?? ''),
    overwrite: options.force ?? false,
    timeoutMs: options.timeout,
    signal: context.signal,
    deliver: piped ? deliverTo(context.stdout) : undefined,
  }
  const converter = openConverter(config.converter)
  const scratch = scratchFolder()
  const prepare = (announcer: Announcer | undefined) =>
    prepareRun(words, options, {
      ...{ converter, announcer, scratch, piped, stdin: context.stdin, signal: context.signal },
      outbox: config.outboxDirectory,
      eventsPerFile: recipients.length,
    })
  try {
    if (options.dryRun) return await dryRun(await prepare(undefined), options, converter, context)
    const open = recipients.length > 0 ? withRelay : withAnnouncer
    return await open(config, async (announcer) => {
      const prepared = await prepare(announcer).catch((error: unknown): PreparedRun => {
        // With --json there is an object for each file, even if the whole command fails.
        if (!options.json) throw error
        const conversions = words.map((given) => failedConversion(given, error))
        return { conversions, leftOut: 0, childProcesses: undefined }
      })
      return convertPrepared(prepared, { run, options, config, converter, announcer, context })
    })
  } finally {
    await scratch.remove()
    converter.close()
  }
}

interface PreparedTools {
  readonly run: Run
  readonly options: ConvertCommandOptions
  readonly config: ClientConfig
  readonly converter: ConverterClient
  readonly announcer: Announcer
  readonly context: CommandContext
}

async function convertPrepared(
  { conversions, leftOut, childProcesses }: PreparedRun,
  { run, options, config, converter, announcer, context: { terminal } }: PreparedTools,
): Promise<number> {
  const startedAt = performance.now()
  const report = options.json
    ? jsonReport(terminal, config.topic)
    : humanReport(terminal, {
        cwd: process.cwd(),
        target: run.deliver ? 'stderr' : 'stdout',
        width: options.width,
        height: options.height,
        page: options.page,
      })
  for (const conversion of conversions) report.expect(conversion)
  const bars = showBars(terminal, conversions.length)
  const tally = runTally()
  const announced: AnnouncedEvent[] = []
  const held: FileOutcome[] = []
  // One more than the child processes: it is uploaded or saved while they are busy.
  const atOnce = options.jobs ?? (childProcesses ?? availableParallelism()) + 1
  try {
    await convertAll(conversions, run, { converter, announcer, bars }, atOnce, (outcome) => {
      tally.add(outcome)
      announced.push(...(outcome.announced?.events ?? []))
      // With --json the line of a file includes the outcome of its e-mail.
      if (options.wait && options.json) held.push(outcome)
      else report.done(outcome)
    })
  } finally {
    bars.end()
  }
  report.end({
    tally,
    files: conversions.length,
    leftOut,
    elapsedMs: Math.round(performance.now() - startedAt),
  })
  if (run.recipients.length === 0) return tally.exitCode
  const missing = announced.length > 0 ? await announcer.missingConsumer(run.topic) : undefined
  if (missing) terminal.log(`${terminal.paint('yellow', '!', 'stderr')} ${escapeControls(missing)}`)
  if (!run.signal.aborted) await announcer.catchUp()
  if (!options.wait) return tally.exitCode
  const outcomes = await waitForMails(
    announced.map(({ id }) => id),
    {
      ...{ broker: config.broker, topic: run.topic, signal: run.signal },
      ...{ group: `herald-wait-${run.runId}`, timeoutMs: options.timeout },
    },
  ).catch((error: Error) => {
    terminal.log(`herald: ${escapeControls(error.message)}`)
    return new Map<string, MailOutcome>()
  })
  if (options.json) for (const outcome of held) report.done(outcome, outcomes)
  else reportMails(terminal, run.deliver ? terminal.log : terminal.print, announced, outcomes)
  if (tally.exitCode !== 0 || allMailed(announced, outcomes)) return tally.exitCode
  return errorTable.HERALD_NOT_MAILED.exitCode
}

/** The addresses of --notify, else the notifier's default; none with --no-announce. */
function recipientsOf({ notify = [], announce, wait }: ConvertCommandOptions): string[] {
  if (!announce && wait) {
    throw new HeraldError('HERALD_USAGE', '--wait and --no-announce cannot be combined.', {
      remedy: 'Remove one of them.',
    })
  }
  if (!announce && notify.length > 0) {
    throw new HeraldError('HERALD_USAGE', '--notify and --no-announce cannot be combined.', {
      remedy: 'Remove one of them.',
    })
  }
  if (!announce) return []
  return notify.length > 0 ? readRecipients(notify) : ['']
}

const isPiped = (words: readonly string[], { out }: ConvertCommandOptions) =>
  out === standardStream || (out === undefined && words.includes(standardStream))

function checkStreams(
  words: readonly string[],
  options: ConvertCommandOptions,
  piped: boolean,
  { stdout }: CommandContext,
): void {
  const usage = (message: string, remedy: string) =>
    new HeraldError('HERALD_USAGE', message, { remedy })
  const inputs = words.filter((word) => word === standardStream).length
  if (inputs > 1) throw usage('- (standard input) is given twice.', 'Give it once.')
  if (options.name !== undefined && inputs === 0) {
    throw usage('--name needs - (standard input) as a file.', 'Add - or remove --name.')
  }
  if (!piped || options.dryRun) return
  if (options.json) {
    throw usage(
      'The result and --json would both go to standard output.',
      'Save the result in a folder: --out DIR',
    )
  }
  if (stdout.isTTY) {
    throw usage(
      'Standard output is a terminal: the result is not written to it.',
      'Redirect it (> harbour.webp), or save it in a folder (--out DIR).',
    )
  }
}

const deliverTo = (stdout: StandardOutput) => async (paths: readonly string[]) => {
  for (const path of paths) await writeToStandardOutput(stdout, path)
}
