import { setTimeout as sleep } from 'node:timers/promises'
import type { ReceivedListFormatsResponse } from '@herald/proto/converter'
import type { ConverterChannel } from './converter-channel.js'
import { converterError, noneAvailable, type Refusal } from './converter-errors.js'
import { toHeraldError } from './errors.js'

const answerWithinMs = 5_000
/** How much later than the first a converter may answer for its workers to be counted. */
const countWithinMs = 500

/**
 * Asks all converters at once: the first answer, with the workers of all that answer in time.
 * Rejects with a HeraldError if none answers within seconds.
 */
export async function listFormats(
  channels: readonly ConverterChannel[],
): Promise<ReceivedListFormatsResponse> {
  const answers: ReceivedListFormatsResponse[] = []
  const refusals: Refusal[] = []
  const asked = channels.map((channel) =>
    ask(channel).then(
      (answer) => void answers.push(answer),
      (thrown) => {
        const { address } = channel
        refusals.push({ address, error: toHeraldError(converterError(thrown, address)) })
        throw thrown
      },
    ),
  )
  const all = Promise.allSettled(asked)
  const late = new AbortController()
  const enough = Promise.any(asked)
    .then(() => sleep(countWithinMs, undefined, { signal: late.signal }))
    .catch(() => all)
  await Promise.race([all, enough])
  late.abort()
  const [first] = answers
  if (!first) throw noneAvailable(refusals)
  const workers = answers.reduce((sum, { limits }) => sum + (limits?.workers ?? 0), 0)
  return first.limits ? { ...first, limits: { ...first.limits, workers } } : first
}

function ask({ client }: ConverterChannel): Promise<ReceivedListFormatsResponse> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + answerWithinMs
    client.listFormats({}, { deadline }, (error, response) => {
      if (error || !response) reject(error)
      else resolve(response)
    })
  })
}
