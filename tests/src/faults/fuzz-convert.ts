import { createReadStream } from 'node:fs'
import type { ConverterClient } from '@herald/client/converter-client'
import { HeraldError } from '@herald/proto/errors'
import { v7 as uuidv7 } from 'uuid'
import type { HeraldAnswer } from './fuzz-verdicts.js'

export interface FuzzRequest {
  readonly fileName: string
  /** The target. */
  readonly format: string
  readonly width: number
  /** After this time without an answer the conversion counts as hanging. */
  readonly answerTimeoutMs: number
}

/** Converts the file at `path`; `hangs` if there is no answer in time. */
export async function convertMutant(
  client: ConverterClient,
  path: string,
  sizeBytes: number,
  { fileName, format, width, answerTimeoutMs }: FuzzRequest,
): Promise<HeraldAnswer | 'hangs'> {
  const signal = AbortSignal.timeout(answerTimeoutMs)
  let size = { width: 0, height: 0 }
  try {
    const { input } = await client.convert(
      { name: fileName, sizeBytes, open: () => createReadStream(path) },
      {
        conversionId: uuidv7(),
        renditions: [format === 'pdf' ? { format } : { format, width }],
        traceparent: '00-00000000000000000000000000000001-0000000000000001-01',
        signal,
        async receive(header) {
          size = { width: header.width, height: header.height }
          return { async write() {}, async complete() {}, async discard() {} }
        },
      },
    )
    return { converted: true, ...size, format: input?.format ?? '' }
  } catch (error) {
    if (signal.aborted) return 'hangs'
    const code = error instanceof HeraldError ? error.code : 'no HeraldError'
    return { converted: false, code, message: (error as Error).message }
  }
}
