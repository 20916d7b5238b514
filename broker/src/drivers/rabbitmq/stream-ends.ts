import type { Channel } from 'amqplib'
import { withTimeout } from './connection.js'

/** More than a chunk, the unit in which RabbitMQ writes and reads a stream, usually has. */
const prefetch = 5000
/** How long the first event of a stream may take that seems to be empty, and of another one. */
const emptyTimeoutMs = 500
const timeoutMs = 5000

/**
 * The offset after the last event of each stream, in the order given. RabbitMQ's own count is seconds
 * late, so the last chunk is read: an answer that is asked for once its first event has come comes
 * after all the others. The channel cannot be used for anything else afterwards.
 */
export function readStreamEnds(channel: Channel, streams: readonly string[]): Promise<number[]> {
  return Promise.all(streams.map((stream) => readEnd(channel, stream)))
}

async function readEnd(channel: Channel, stream: string): Promise<number> {
  const { messageCount } = await channel.checkQueue(stream)
  await channel.prefetch(prefetch)
  let end = 0
  const first = new Promise<void>((resolve, reject) => {
    channel
      .consume(
        stream,
        (message) => {
          end = Number(message?.properties.headers?.['x-stream-offset'] ?? -1) + 1
          resolve()
        },
        { arguments: { 'x-stream-offset': 'last' } },
      )
      .catch(reject)
  })
  const limitMs = messageCount === 0 ? emptyTimeoutMs : timeoutMs
  const isEmpty = await withTimeout(first, limitMs, 'the last event of a stream').then(
    () => false,
    (error: unknown) => {
      if (messageCount > 0) throw error
      return true
    },
  )
  if (!isEmpty) await channel.checkQueue(stream)
  return end
}
