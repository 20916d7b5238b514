import { type Message, maxMessageBytes } from '@herald/broker'
import { messageBytes } from '@herald/broker/check-request'
import { fromMessage } from '@herald/broker/message'
import { expect, test } from 'vitest'
import { type ConvertedFacts, convertedMessages } from '../src/announcements.js'

const frame = {
  ...{ conversionId: 'c', runId: 'r', source: '/herald/cli', language: '' },
  traceparent: '00-00000000000000000000000000000001-0000000000000001-01',
  recipients: ['ada@example.com'],
}

/** Facts of a document of which each page became a file. */
function facts(pages: number): ConvertedFacts {
  const preview = { mediaType: 'image/png', data: Buffer.alloc(24_000), width: 320, height: 200 }
  const sha256 = '0'.repeat(64)
  return {
    fileName: 'scan.pdf',
    summary: { input: null, stripped: [], queueMs: 0, conversionMs: 0, preview } as never,
    renditions: Array.from({ length: pages }, (_, page) => {
      const name = `scan-page-${page}.png`
      const path = `/home/ada/scans/${name}`
      return {
        name,
        path,
        sha256,
        mediaType: 'image/png',
        sizeBytes: 1,
        width: 1,
        height: 1,
        pages: 1,
      }
    }) as never,
    startedAt: new Date(),
    finishedAt: new Date(),
  }
}

const hasPreview = (message: Message) =>
  (fromMessage({ ...message } as never).event.data as { preview?: unknown }).preview != null

test('an announcement too large for any broker is refused before it is made; without its picture it may fit', () => {
  const bytes = (pages: number) =>
    convertedMessages(frame, facts(pages)).map(({ message }) => messageBytes(message))[0] ?? 0
  const perPage = (bytes(5000) - bytes(4900)) / 100
  const nearly = 5000 + Math.floor((maxMessageBytes - 12_000 - bytes(5000) + 24_000) / perPage)
  const [announced] = convertedMessages(frame, facts(nearly))
  const message = announced?.message as Message
  expect(messageBytes(message)).toBeLessThanOrEqual(maxMessageBytes)
  expect(hasPreview(message)).toBe(false)
  expect(hasPreview(convertedMessages(frame, facts(10))[0]?.message as Message)).toBe(true)
  expect(() => convertedMessages(frame, facts(nearly + 200))).toThrow(/files is larger than the 1/)
})
