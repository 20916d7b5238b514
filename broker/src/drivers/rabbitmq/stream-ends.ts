import type { Channel } from 'amqplib'

/** More than a chunk, the unit in which RabbitMQ writes and reads a stream, usually has. */
const prefetch = 5000

/**
 * The offset after the last event of each stream, in the order given. RabbitMQ's own count is seconds
 * late, so the last chunk is read. The channel cannot be used for anything else afterwards.
 *
 * Whether a stream is empty does not depend on a time: a consumer begins by a request to the stream's
 * process. When a second one has begun, the channel has the process's answer to the first, and delivers
 * the last chunk before it answers whatever is asked next (RabbitMQ 3.10: rabbit_stream_queue:begin_stream).
 */
export async function readStreamEnds(
  channel: Channel,
  streams: readonly string[],
): Promise<number[]> {
  const ends = streams.map(() => 0)
  await channel.prefetch(prefetch)
  for (const [index, stream] of streams.entries()) {
    await consumeFrom(channel, stream, 'last', (offset) => {
      ends[index] = offset + 1
    })
    await consumeFrom(channel, stream, 'next', () => {})
  }
  // Its answer comes after the last chunk of the last stream.
  await channel.prefetch(prefetch)
  return ends
}

async function consumeFrom(
  channel: Channel,
  stream: string,
  start: 'last' | 'next',
  onOffset: (offset: number) => void,
): Promise<void> {
  await channel.consume(
    stream,
    (message) => onOffset(Number(message?.properties.headers?.['x-stream-offset'] ?? -1)),
    { arguments: { 'x-stream-offset': start } },
  )
}
