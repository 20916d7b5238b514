import { HeraldError } from '@herald/proto/errors'
import express, { type RequestHandler } from 'express'
import { z } from 'zod'
import { leftBeforeUpload } from '../expected-files.js'
import { fileNameOf, readFields } from '../form-fields.js'
import { errorSentence } from '../pages/small-pages.js'
import { callerOf, languageOf, ownerOf, requireOwner } from '../visitor.js'
import { requestOf } from './convert.js'
import type { Services } from './services.js'

const maxFiles = 1000

/** Beacons carry text. */
const json = express.json({ limit: '1mb', type: () => true })

const expectation = z.object({
  /** The form's fields, as they come with each file. */
  fields: z.record(z.string().max(40), z.string().max(400)),
  files: z
    .array(z.object({ key: z.string(), name: z.string(), folder: z.string().default('') }))
    .max(maxFiles),
})

const departure = z.object({ keys: z.array(z.string().max(40)).max(maxFiles) })

const read = <T>(schema: z.ZodType<T>, body: unknown): T => {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw new HeraldError('HERALD_BAD_OPTION', 'The list of files is invalid.')
}

/**
 * `POST /expect`: a browser names the files that it is about to send. Each gets a record. Answers
 * with a sentence for each one that is refused, by key.
 */
export function expectRoute(services: Services): RequestHandler[] {
  const { expected, limits, config } = services
  return [
    json,
    async (request, response) => {
      const owner = requireOwner(request, response, config)
      const language = languageOf(request, response)
      const { fields, files } = read(expectation, request.body)
      const refused: Record<string, string> = {}
      const adding: Promise<void>[] = []
      for (const file of files) {
        const form = readFields({ ...fields, ...file })
        const recipient = limits.recipient(form.notify ?? '')
        if (form.key === undefined || form.run === undefined) {
          throw new HeraldError('HERALD_BAD_OPTION', 'A file has no key.')
        }
        try {
          await limits.file(callerOf(request))
          if (recipient !== '') await limits.mail(recipient)
        } catch (error) {
          if (!(error instanceof HeraldError)) throw error
          refused[form.key] = errorSentence(services.view(language), error)
          continue
        }
        const conversion = await requestOf(services, form, { owner, language, recipient })
        adding.push(expected.add(conversion, fileNameOf(form, '')))
      }
      await Promise.all(adding)
      response.json({ refused })
    },
  ]
}

/** `POST /leave`: a browser will not send those files. */
export function leaveRoute({ expected }: Services): RequestHandler[] {
  return [
    json,
    async (request, response) => {
      const owner = ownerOf(request)
      const { keys } = read(departure, request.body)
      if (owner !== undefined) {
        await Promise.all(keys.map((key) => expected.fail(owner, key, leftBeforeUpload())))
      }
      response.status(204).end()
    },
  ]
}
