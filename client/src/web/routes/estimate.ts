import type { ReceivedEstimateResponse } from '@herald/proto/converter'
import type { RequestHandler } from 'express'
import { v7 as uuidv7 } from 'uuid'
import { withTimeLimit } from '../../time-limit.js'
import { newTraceparent } from '../../trace.js'
import { fileNameOf, readFields, renditionOf } from '../form-fields.js'
import { readForm } from '../read-form.js'
import { streamUpload } from '../upload-stream.js'
import { callerOf, languageOf } from '../visitor.js'
import type { Services } from './services.js'

/** The page sends only the beginning of a file. */
const maxHeadBytes = 8 * 1024 ** 2
const answerWithinMs = 10_000

/**
 * `POST /estimate`: from a file's first bytes, how long its conversion would take and whether a limit
 * forbids it. 204 if the converter cannot estimate it.
 */
export function estimateRoute({ converter, limits, stopping, view }: Services): RequestHandler {
  return async (request, response) => {
    const language = languageOf(request, response)
    const leave = limits.enter(callerOf(request))
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      await readForm(request, {
        maxFileBytes: maxHeadBytes,
        maxFiles: 1,
        async onFile(part, fields) {
          const form = readFields(fields)
          const file = { name: fileNameOf(form, part.name), sizeBytes: form.size }
          const upload = streamUpload(part.stream, file, () => gone.abort())
          try {
            const asked = { upload, conversionId: uuidv7(), renditions: [renditionOf(form)] }
            let estimate: ReceivedEstimateResponse | undefined
            const limit = { timeoutMs: answerWithinMs, signals: [gone.signal, stopping] }
            await withTimeLimit(limit, (signal) =>
              converter.estimate([asked], {
                traceparent: newTraceparent(),
                signal,
                onResult(_index, result) {
                  estimate = result.estimate
                },
              }),
            )
            // Not reported here: the conversion reports the error.
            if (!estimate) return void response.status(204).end()
            const { input, renditions, workMs, fits, errorCode, message } = estimate
            const [rendition] = renditions
            response.json({
              pages: input?.pages ?? 0,
              width: rendition?.width ?? 0,
              height: rendition?.height ?? 0,
              ms: workMs,
              fits,
              message: fits ? '' : (view(language).words.errors[errorCode] ?? message),
            })
          } finally {
            upload.drain()
          }
        },
      })
    } finally {
      leave()
    }
  }
}
