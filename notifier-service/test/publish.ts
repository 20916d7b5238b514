import { type Message, openBroker, type PublishedPosition } from '@herald/broker'
import { toMessage } from '@herald/broker/message'
import type { HeraldEvent } from '@herald/proto/events'
import { silentLogger } from '@herald/runtime'

let last = 0n

/** A UUIDv7 later than the one before. */
export function uuidv7(at = Date.now()): string {
  last += 1n
  const time = at.toString(16).padStart(12, '0')
  const tail = last.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${tail}`
}

/** The event with an envelope. */
export function message(event: HeraldEvent, id = uuidv7(), time = new Date()): Message {
  return toMessage({ id, source: '//herald.test/client', time }, event)
}

/** Publishes through a broker of its own, as a client in another process would. */
export async function publish(
  brokerUrl: string,
  messages: readonly Message[],
  topic = 'notifications',
): Promise<PublishedPosition[]> {
  const broker = await openBroker(brokerUrl, { logger: silentLogger })
  try {
    return await broker.publish(topic, messages)
  } finally {
    await broker.close()
  }
}
