import { isUtf8 } from 'node:buffer'
import type { EachBatchPayload, Message as KafkaMessage } from 'kafkajs'
import type { Message, RawMessage } from '../../broker.js'
import type { LaneEvent } from '../../lanes.js'
import { partitionPosition } from '../../partition-position.js'

type Batch = EachBatchPayload['batch']
type Headers = NonNullable<Batch['messages'][number]['headers']>

/** A message as kafkajs sends it. Its bytes are not copied. */
export function toKafka({ key, value, headers, raw }: Message): KafkaMessage {
  if (raw === undefined) {
    const views = Object.entries(headers).map(([name, header]) => [name, view(header)])
    return { key, value: view(value), headers: Object.fromEntries(views) }
  }
  const views = Object.entries(raw.headers).map(([name, values]) => [name, values.map(view)])
  const rawKey = raw.key === null ? null : view(raw.key)
  return { key: rawKey, value: view(value), headers: Object.fromEntries(views) }
}

const view = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength)

/** A message of a batch as the lanes take it. A tombstone has an empty value. */
export function toLaneEvent(
  { topic, partition }: Batch,
  { key, value, headers = {}, offset, timestamp }: Batch['messages'][number],
): LaneEvent {
  const isExact =
    (key === null || isUtf8(key)) && Object.values(headers).every((each) => Buffer.isBuffer(each))
  const raw = isExact ? undefined : rawMessage(key, headers)
  return {
    offset: BigInt(offset),
    delivery: {
      topic,
      ...partitionPosition(partition, offset),
      key: key === null ? null : key.toString(),
      value: value ?? Buffer.alloc(0),
      headers: raw === undefined ? (headers as Record<string, Buffer>) : lastValues(raw.headers),
      ...(raw && { raw }),
      publishedAt: new Date(Number(timestamp)),
    },
  }
}

function rawMessage(key: Buffer | null, headers: Headers): RawMessage {
  const values = Object.entries(headers).map(([name, header]) => {
    const all = Array.isArray(header) ? header : [header ?? '']
    return [name, all.map((each) => (Buffer.isBuffer(each) ? each : Buffer.from(each)))] as const
  })
  return { key, headers: Object.fromEntries(values) }
}

/** The last value of a repeated header counts, as with Kafka's own `lastHeader`. */
function lastValues(headers: RawMessage['headers']): Record<string, Uint8Array> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values.at(-1) ?? Buffer.alloc(0)]),
  )
}
