import { Readable } from 'node:stream'
import type { RenditionSpec } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { encodeOptions, type OptionValues } from '@herald/proto/option-values'
import { decodeOptionsFor, targetFormat } from '@herald/proto/target-formats'
import { displayPath, escapeControls, jsonLine } from '@herald/runtime/terminal-text'
import { v7 as uuidv7 } from 'uuid'
import { withRelay } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import type { KeptAnnouncement } from '../convert-and-announce.js'
import { findInputs } from '../find-inputs.js'
import { type InputFile, inspectInput } from '../input-file.js'
import { withJobs } from '../jobs/open-jobs.js'
import { readWhole } from '../jobs/read-whole.js'
import { refuseTooManyWaiting, submitJob, untilPublished } from '../jobs/submit-job.js'
import { readLanguage, readRecipients } from '../recipients.js'
import { inOrder } from './file-conversion.js'

export interface SubmitOptions extends OptionValues {
  readonly to: readonly string[]
  readonly notify?: readonly string[]
  readonly language?: string
  readonly priority: 'normal' | 'high'
  /** Milliseconds. */
  readonly expires: number
  readonly json?: boolean
}

const maxUploads = 8
const folderRemedy = 'Submit the files in it by a pattern, such as "photos/*.jpg".'

/** Submits a job for each file; resolves to the exit status. If a file cannot be read, none is submitted. */
export async function submitCommand(
  words: readonly string[],
  options: SubmitOptions,
  { env, terminal, signal }: CommandContext,
): Promise<number> {
  const config = loadConfig(env)
  const renditions = planRenditions(options)
  const language = readLanguage(options.language ?? '')
  const recipients = options.notify ? readRecipients(options.notify) : ['']
  const inputs = await readInputs(words)
  const common = {
    runId: uuidv7(),
    renditions,
    recipients: recipients.map((address) => ({ address, language })),
    submitter: config.submitter,
    priority:
      options.priority === 'high' ? ('PRIORITY_HIGH' as const) : ('PRIORITY_NORMAL' as const),
    runSize: inputs.length,
  }
  const print = inOrder(terminal.print)
  return withJobs(config, (store) =>
    withRelay(config, async (announcer) => {
      await refuseTooManyWaiting(store, config, inputs.length)
      const submittedAtUnixMs = await store.now()
      const expiresAtUnixMs = submittedAtUnixMs + options.expires
      const times = { submittedAtUnixMs, expiresAtUnixMs }
      const kept: KeptAnnouncement[] = []
      let next = 0
      const submitNext = async () => {
        for (let at = next++; at < inputs.length && !signal.aborted; at = next++) {
          const { path, name, sizeBytes } = inputs[at] as InputFile
          const jobId = uuidv7()
          const uploadKey = store.uploadKey(jobId)
          const command = { ...common, ...times, jobId, uploadKey, fileName: name, sizeBytes }
          const upload = Readable.from(readWhole(path, sizeBytes))
          kept.push(await submitJob(store, announcer, config, command, upload))
          const line = `${jobId}  ${displayPath(path)}`
          print(at, options.json ? jsonLine({ job: jobId, file: path }) : line)
        }
      }
      await Promise.all(Array.from({ length: maxUploads }, submitNext))
      signal.throwIfAborted()
      await untilPublished(announcer, kept, config, { terminal, signal })
      return 0
    }),
  )
}

/** Rejects with the error of the first file that cannot be read. */
async function readInputs(words: readonly string[]): Promise<InputFile[]> {
  const found = await findInputs(words, {
    recursive: false,
    except: undefined,
    extensions: async () => [],
  })
  const inputs: InputFile[] = []
  for (const each of found) {
    if ('error' in each) throw about(each.given, each.error)
    inputs.push(
      await inspectInput(each.path, folderRemedy).catch((error: HeraldError) => {
        throw about(each.given, error)
      }),
    )
  }
  return inputs
}

const about = (given: string, { code, publicMessage, remedy = '' }: HeraldError) =>
  new HeraldError(code, `${escapeControls(given)}: ${publicMessage} Nothing was submitted.`, {
    remedy,
  })

/** One for each target format. Throws what a worker would end the job with, as far as it is known here. */
function planRenditions(options: SubmitOptions): RenditionSpec[] {
  const spec = encodeOptions(options)
  return [...new Set(options.to.map(targetFormat))].map((format) => {
    decodeOptionsFor(format, spec)
    return { ...spec, format: format.name }
  })
}
