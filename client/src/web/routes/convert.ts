import { createHash } from 'node:crypto'
import { HeraldError } from '@herald/proto/errors'
import type { RequestHandler } from 'express'
import type { Started } from '../conversions.js'
import { paths } from '../links.js'
import { readForm } from '../read-form.js'
import { newToken } from '../records.js'
import { type StreamedUpload, streamUpload } from '../upload-stream.js'
import { callerOf, languageOf, requireOwner } from '../visitor.js'
import { fileNameOf, readWishes, specOf } from '../wishes.js'
import { type Services, wantsJson } from './services.js'

const filesOfAForm = 100
/** Where the converter has not told its limit. */
const usualMaxBytes = 100 * 1024 ** 2

/** `POST /convert`: each file goes to the converter as it arrives; answers when all of it is read. */
export function convertRoute(services: Services): RequestHandler {
  const { conversions, records, limits, formats, config } = services
  return async (request, response) => {
    const owner = requireOwner(request, response, config)
    const language = languageOf(request, response)
    const caller = callerOf(request)
    const { answer } = await formats.latest()
    const formRun = newToken()
    const started: Started[] = []
    const leave = limits.enter(caller)
    try {
      await readForm(request, {
        maxFileBytes: answer?.limits?.maxBytes || usualMaxBytes,
        maxFiles: filesOfAForm,
        async onFile(part, fields) {
          // A form without a file sends one without a name.
          if (part.name === '' && !fields['name']) return void part.stream.resume()
          const wishes = readWishes(fields)
          const recipient = limits.recipient(wishes.notify ?? '')
          if (records.bytesOnDisk >= config.maxDiskBytes) throw diskFull()
          await limits.file(caller)
          if (recipient !== '') await limits.mail(recipient)
          const runToken = runTokenOf(owner, wishes.run ?? formRun)
          const { runId } = await records.run(runToken, owner)
          const spec = specOf(wishes)
          const file = { name: fileNameOf(wishes, part.name), sizeBytes: wishes.size }
          let upload: StreamedUpload | undefined
          const begun = await conversions.start(
            {
              owner,
              key: wishes.key,
              runToken,
              runId,
              runSize: wishes.count,
              spec,
              extension: formats.extensionOf(spec.format),
              recipient,
              language,
            },
            (cancel) => {
              upload = streamUpload(part.stream, file, cancel)
              return upload
            },
          )
          started.push(begun)
          // What is refused half-way need not be kept, but the rest of the form must be read.
          void begun.over.then(() => upload?.drain())
          await upload?.consumed
        },
      })
    } finally {
      leave()
    }
    const [first] = started
    if (!first) {
      throw new HeraldError('HERALD_BAD_OPTION', services.view(language).words.needsFile)
    }
    const { token, runToken } = first.record
    if (wantsJson(request)) response.status(202).json({ token, page: paths.page(token) })
    else response.redirect(303, started.length === 1 ? paths.page(token) : paths.run(runToken))
  }
}

/** What the browser calls its run, made unguessable by whose it is. */
function runTokenOf(owner: string, run: string): string {
  return createHash('sha256').update(`${owner} ${run}`).digest('base64url').slice(0, 22)
}

const diskFull = () =>
  new HeraldError('HERALD_DISK_FULL', 'The service has no room for more results.', {
    remedy: 'Older ones go by themselves; try again later.',
  })
