import { setTimeout as delay } from 'node:timers/promises'
import type { Channel } from 'amqplib'

/** More than a chunk, the unit in which RabbitMQ writes and reads a stream, usually has. */
const prefetch = 5000

export interface ReadStream {
  readonly name: string
  /** Asks RabbitMQ whether it has an event of the stream for this member. */
  hasEvents(): Promise<boolean>
}

/**
 * The offset after the last event of each stream, in the order given. RabbitMQ's own count is seconds
 * late, so the last chunk is read. The channel cannot be used for anything else afterwards.
 *
 * RabbitMQ answers a consumer before it knows whether there is a last chunk (osiris: register_offset_listener).
 * If the stream is known to have events, it is awaited; `maxWaitMs` is reached only if retention has
 * deleted all of them.
 */
export async function readStreamEnds(
  channel: Channel,
  streams: readonly ReadStream[],
  maxWaitMs: number,
): Promise<number[]> {
  const ends = streams.map(() => 0)
  const closed = new AbortController()
  channel.once('close', () => closed.abort())
  await channel.prefetch(prefetch)
  await Promise.all(
    streams.map(async ({ name, hasEvents }, index) => {
      const received = new AbortController()
      await consumeLast(channel, name, (offset) => {
        ends[index] = offset + 1
        received.abort()
      })
      if (!(await hasEvents())) return
      const signal = AbortSignal.any([received.signal, closed.signal])
      await delay(maxWaitMs, undefined, { signal }).catch(() => {})
    }),
  )
  // Its answer comes after the other events of those chunks.
  await channel.prefetch(prefetch)
  return ends
}

async function consumeLast(channel: Channel, stream: string, onMessage: (offset: number) => void) {
  await channel.consume(
    stream,
    (message) => onMessage(Number(message?.properties.headers?.['x-stream-offset'] ?? -1)),
    { arguments: { 'x-stream-offset': 'last' } },
  )
}
