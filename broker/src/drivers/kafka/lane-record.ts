import type { EachBatchPayload } from 'kafkajs'
import type { LaneRecord } from '../../lanes.js'

type Batch = EachBatchPayload['batch']

/** A message of a batch as the lanes take it. A tombstone comes with an empty value. */
export function asLaneRecord(
  { topic, partition }: Batch,
  { key, value, headers, offset, timestamp }: Batch['messages'][number],
): LaneRecord {
  return {
    offset: BigInt(offset),
    delivery: {
      topic,
      partition,
      offset,
      key: key === null ? null : key.toString(),
      value: value ?? Buffer.alloc(0),
      headers: single(headers ?? {}),
      publishedAt: new Date(Number(timestamp)),
    },
  }
}

type Headers = NonNullable<Batch['messages'][number]['headers']>

/** Made anew only where there is something to change, which is almost never. */
function single(headers: Headers): Record<string, Buffer> {
  const fine = Object.values(headers).every((header) => Buffer.isBuffer(header))
  if (fine) return headers as Record<string, Buffer>
  return Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, bytes(header)]))
}

type Header = Headers[string]

/** Kafka allows a header more than once; the last one counts, as for its own `lastHeader`. */
function bytes(header: Header): Buffer {
  const last = Array.isArray(header) ? header.at(-1) : header
  return Buffer.isBuffer(last) ? last : Buffer.from(last ?? '')
}
