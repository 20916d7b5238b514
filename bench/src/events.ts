import type { Message } from '@herald/broker'
import { toMessage } from '@herald/broker/message'
import { eventTypes } from '@herald/proto/events'
import { v7 as uuidv7 } from 'uuid'

const rendition = (name: string) => ({
  name,
  mediaType: 'image/webp',
  sizeBytes: 184_320,
  sha256: '1f'.repeat(32),
  width: 1600,
  height: 1200,
  pages: 1,
})

/** Events of about 1 KB with all headers; the recipients `reader-0@example.com`, … take turns. */
export function makeEvents(count: number, recipients = count): Message[] {
  return Array.from({ length: count }, (_, index) =>
    makeEvent(`reader-${index % recipients}@example.com`),
  )
}

const fiveSizes = ['large', 'small', 'tiny', 'icon', 'print']

export function makeEvent(address: string, sizes: readonly string[] = fiveSizes): Message {
  const id = uuidv7()
  const now = Date.now()
  return toMessage(
    { id, source: '//herald.bench/publisher', time: new Date(now), subject: id },
    {
      type: eventTypes.fileConverted,
      data: {
        conversionId: id,
        runId: id,
        runSize: 1,
        source: {
          name: 'a picture taken at dusk.jpg',
          mediaType: 'image/jpeg',
          sizeBytes: 1_230_456,
          sha256: 'a0'.repeat(32),
          width: 4032,
          height: 3024,
          pages: 1,
        },
        renditions: sizes.map((size) => rendition(`a picture taken at dusk, ${size}.webp`)),
        stripped: ['exif', 'gps', 'icc'],
        queueMs: 1,
        conversionMs: 100,
        startedAtUnixMs: now - 101,
        finishedAtUnixMs: now,
        recipient: { address, language: 'en' },
        host: 'bench',
      },
    },
  )
}
