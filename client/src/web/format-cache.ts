import type { ReceivedFormat, ReceivedListFormatsResponse } from '@herald/proto/converter'
import type { ConverterClient } from '../converter-client.js'

/** The converter's formats, cached for a short time. */
export interface FormatCache {
  /** The latest answer, even if old; undefined if there is none yet. `away`: the converter cannot be reached. */
  latest(): Promise<{ answer: ReceivedListFormatsResponse | undefined; away: boolean }>
  /** The extension of the format's files, without the dot. */
  extensionOf(format: string): string
}

const maxAgeMs = 15_000
/** How long a page waits for a newer answer. */
const maxWaitMs = 700

export function cacheFormats(converter: ConverterClient): FormatCache {
  let answer: ReceivedListFormatsResponse | undefined
  let away = false
  let askedAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined

  const ask = () => {
    asking ??= converter
      .formats()
      .then(
        (response) => {
          answer = response
          away = false
        },
        () => {
          away = true
        },
      )
      .finally(() => {
        askedAt = performance.now()
        asking = undefined
      })
    return asking
  }
  return {
    async latest() {
      if (away || performance.now() - askedAt > maxAgeMs) {
        const late = new Promise<void>((resolve) => setTimeout(resolve, maxWaitMs).unref())
        await Promise.race([ask(), late])
      }
      return { answer, away }
    },
    extensionOf(format) {
      const found = answer?.formats.find(
        ({ name, extensions }: ReceivedFormat) => name === format || extensions.includes(format),
      )
      return found?.extensions[0] ?? format.replace(/[^a-z0-9]/gi, '')
    },
  }
}
