import type { ReceivedFormat, ReceivedListFormatsResponse } from '@herald/proto/converter'
import type { ConverterClient } from '../converter-client.js'

/** What the converter can do, asked no more often than needed. */
export interface FormatCache {
  /** The latest answer, even of a while ago; undefined where there has been none. */
  latest(): Promise<{ answer: ReceivedListFormatsResponse | undefined; away: boolean }>
  /** The extension of that format's files. */
  extensionOf(format: string): string
}

const freshMs = 15_000
/** How long a page waits for the converter where an older answer will do. */
const patienceMs = 700

export function cacheFormats(converter: ConverterClient): FormatCache {
  let answer: ReceivedListFormatsResponse | undefined
  let away = false
  let askedAt = 0
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
        askedAt = Date.now()
        asking = undefined
      })
    return asking
  }
  return {
    async latest() {
      if (away || Date.now() - askedAt > freshMs) {
        const late = new Promise<void>((resolve) => setTimeout(resolve, patienceMs).unref())
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
