import { createHash } from 'node:crypto'
import { HeraldError } from '@herald/proto/errors'
import type { RequestHandler } from 'express'
import type { ConversionRequest } from '../conversion-facts.js'
import type { Started } from '../conversions.js'
import { type FormFields, fileNameOf, folderOf, readFields, renditionOf } from '../form-fields.js'
import { paths } from '../links.js'
import { type FormPart, LateFieldError, readForm } from '../read-form.js'
import { newToken } from '../records.js'
import { diskFull } from '../result-files.js'
import { type StreamedUpload, streamUpload } from '../upload-stream.js'
import { callerOf, languageOf, requireOwner } from '../visitor.js'
import { type Services, wantsJson } from './services.js'

const filesOfAForm = 100
/** Used until the converter has reported its limit. */
const usualMaxBytes = 100_000_000

/** `POST /convert`: sends each file to the converter as it arrives; responds when the form is read. */
export function convertRoute(services: Services): RequestHandler {
  const { conversions, records, limits, formats, config, expected } = services
  return async (request, response) => {
    const owner = requireOwner(request, response, config)
    const language = languageOf(request, response)
    const caller = callerOf(request)
    const { answer } = await formats.latest()
    const formRun = newToken()
    const started: Started[] = []

    const take = async (part: FormPart, form: FormFields, recipient: string) => {
      if ((await records.bytesStored()) >= config.maxDiskBytes) throw diskFull()
      const run = form.run ?? formRun
      const conversion = await requestOf(services, { ...form, run }, { owner, language, recipient })
      const file = { name: fileNameOf(form, part.name), sizeBytes: form.size }
      const known = await expected.take(owner, form.key)
      if (!known) {
        await limits.file(caller)
        if (recipient !== '') await limits.mail(recipient)
      }
      const endUpload = expected.uploading(conversion.runToken)
      let upload: StreamedUpload | undefined
      try {
        const begun = await conversions.start(
          conversion,
          (cancel) => {
            upload = streamUpload(part.stream, file, cancel)
            return upload
          },
          known,
        )
        started.push(begun)
        // If the file is refused half-way, the rest of the form must still be read.
        void begun.ended.then(() => upload?.drain())
        await upload?.consumed
      } finally {
        endUpload()
      }
    }

    const leave = limits.enter(caller)
    try {
      await readForm(request, {
        maxFileBytes: answer?.limits?.maxBytes || usualMaxBytes,
        maxFiles: filesOfAForm,
        async onFile(part, fields) {
          // A form without a file has a part without a name.
          if (part.name === '' && !fields['name']) return void part.stream.resume()
          try {
            const form = readFields(fields)
            await take(part, form, limits.recipient(form.notify ?? ''))
          } catch (error) {
            // The browser retries these; the record waits for that.
            if (error instanceof HeraldError && !error.retryable) {
              await expected.fail(owner, fields['key'], error)
            }
            throw error
          }
        },
      })
    } catch (error) {
      if (error instanceof LateFieldError) {
        await Promise.all(started.map(({ record }) => conversions.remove(record)))
      }
      throw error
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

/** What is asked for one file. */
export async function requestOf(
  { records, formats }: Pick<Services, 'records' | 'formats'>,
  form: FormFields,
  visitor: Pick<ConversionRequest, 'owner' | 'language' | 'recipient'>,
): Promise<ConversionRequest> {
  const runToken = runTokenOf(visitor.owner, form.run ?? newToken())
  const { runId } = await records.run(runToken, visitor.owner)
  const spec = renditionOf(form)
  const extension = formats.extensionOf(spec.format)
  const { key, count: runSize } = form
  return { ...visitor, key, folder: folderOf(form), runToken, runId, runSize, spec, extension }
}

/** The browser's id of its run, hashed with the owner so that it cannot be guessed. */
function runTokenOf(owner: string, run: string): string {
  return createHash('sha256').update(`${owner} ${run}`).digest('base64url').slice(0, 22)
}
