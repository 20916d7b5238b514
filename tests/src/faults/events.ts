import { randomUUID } from 'node:crypto'
import type { Message } from '@herald/broker'
import { toMessage } from '@herald/broker/message'
import { eventTypes } from '@herald/proto/events'
import { type Random, whole } from './seeded.js'

export const source = '//herald.faults/publisher'

/** A published event and what the count compares. */
export interface TestEvent {
  readonly id: string
  readonly recipient: string
  /** Its position among the events of its recipient, from 0. */
  readonly position: number
  readonly message: Message
}

function uuidv7(): string {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

/** Events for recipients drawn from `recipients`, in the order of publishing. */
export function makeEvents(
  count: number,
  recipients: readonly string[],
  random: Random,
): TestEvent[] {
  const positions = new Map<string, number>()
  return Array.from({ length: count }, () => {
    const recipient = recipients[whole(random, recipients.length)] as string
    const position = positions.get(recipient) ?? 0
    positions.set(recipient, position + 1)
    return makeEvent(recipient, position)
  })
}

/** The events of one call; `size` 0: unknown. */
export interface TestRun {
  readonly id: string
  readonly size: number
}

export const makeRun = (size: number): TestRun => ({ id: uuidv7(), size })

/** `position`: its index among the events of that recipient. Without a run the event gets its own mail. */
export function makeEvent(recipient: string, position: number, run?: TestRun): TestEvent {
  const id = uuidv7()
  const now = Date.now()
  const message = toMessage(
    { id, source, time: new Date(now) },
    {
      type: eventTypes.fileConverted,
      data: {
        conversionId: id,
        runId: run?.id ?? id,
        runSize: run?.size ?? 1,
        source: {
          name: `picture-${position}.jpg`,
          mediaType: 'image/jpeg',
          sizeBytes: 1_230_456,
          sha256: '0'.repeat(64),
          width: 4032,
          height: 3024,
          pages: 1,
        },
        renditions: [
          {
            name: `picture-${position}.webp`,
            mediaType: 'image/webp',
            sizeBytes: 184_320,
            sha256: '1'.repeat(64),
            width: 1600,
            height: 1200,
            pages: 1,
          },
        ],
        stripped: [],
        queueMs: 1,
        conversionMs: 100,
        startedAtUnixMs: now - 101,
        finishedAtUnixMs: now,
        recipient: { address: recipient, language: 'en' },
        host: 'faults',
      },
    },
  )
  return { id, recipient, position, message }
}

/** `person-0@example.com` and so on. */
export const people = (count: number) =>
  Array.from({ length: count }, (_, index) => `person-${index}@example.com`)
