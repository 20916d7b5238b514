import { isUtf8 } from 'node:buffer'
import type { ConsumeMessage, Options } from 'amqplib'
import type { Message, RawMessage } from '../../broker.js'
import type { LaneEvent } from '../../lanes.js'
import { partitionPosition } from '../../partition-position.js'

/** What is published to a stream. */
export interface AmqpContent {
  readonly content: Buffer
  readonly options: Options.Publish
}

/** Ours begin with `herald-`: the key, when it was published, and how many bytes of the body are packed headers. */
const ours = { key: 'herald-key', at: 'herald-at', packed: 'herald-packed' } as const
/** RabbitMQ gives `x-` a meaning of its own. A longer name, or a larger table, does not fit a frame. */
const plainName = /^(?!x-|herald-|__proto__$)[\x20-\x7e]{1,120}$/i
const maxPlainBytes = 16_000

/** The key and headers of a message that AMQP's table cannot hold; all in base64. */
interface Packed {
  readonly key: string | null
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly raw?: {
    readonly key: string | null
    readonly headers: readonly (readonly [name: string, values: readonly string[]])[]
  }
}

/**
 * A message for a stream: headers are AMQP headers, as text, so that other clients can read them. If
 * AMQP cannot hold one of them, all come before the value, packed.
 */
export function toAmqp(message: Message): AmqpContent {
  const { key, value, headers } = message
  const table: Record<string, unknown> = { [ours.at]: Date.now() }
  if (isPlain(message)) {
    if (key !== null) table[ours.key] = key
    for (const [name, bytes] of Object.entries(headers)) table[name] = view(bytes).toString()
    return { content: view(value), options: { headers: table } }
  }
  const packed = Buffer.from(JSON.stringify(pack(message)))
  table[ours.packed] = packed.byteLength
  return { content: Buffer.concat([packed, value]), options: { headers: table } }
}

/** A message of the stream of a partition. */
export function toLaneEvent(
  topic: string,
  partition: number,
  { content, properties }: ConsumeMessage,
): LaneEvent {
  const table = (properties.headers ?? {}) as Record<string, unknown>
  const offset = BigInt(table['x-stream-offset'] as number)
  const at = Number(table[ours.at])
  const packedBytes = Number(table[ours.packed] ?? 0)
  const message =
    packedBytes > 0
      ? { ...unpack(content.subarray(0, packedBytes)), value: content.subarray(packedBytes) }
      : { ...plainHeaders(table), value: content }
  return {
    offset,
    delivery: {
      topic,
      ...partitionPosition(partition, String(offset)),
      ...message,
      publishedAt: new Date(Number.isFinite(at) ? at : Date.now()),
    },
  }
}

function isPlain({ key, headers, raw }: Message): boolean {
  if (raw !== undefined) return false
  let bytes = Buffer.byteLength(key ?? '')
  for (const [name, value] of Object.entries(headers)) {
    // RabbitMQ 4 delivers bytes as text.
    if (!plainName.test(name) || !isUtf8(value)) return false
    bytes += name.length + value.byteLength
  }
  return bytes <= maxPlainBytes
}

function plainHeaders(table: Readonly<Record<string, unknown>>) {
  const key = table[ours.key]
  const headers: Record<string, Uint8Array> = {}
  for (const [name, value] of Object.entries(table)) {
    // `x-stream-offset`, and what a foreign publisher may have set.
    if (plainName.test(name)) headers[name] = toBytes(value)
  }
  return { key: key === undefined ? null : toBytes(key).toString(), headers }
}

/** A foreign publisher may use any of AMQP's types. */
function toBytes(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value
  return Buffer.from(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
}

function pack({ key, headers, raw }: Message): Packed {
  return {
    key: key === null ? null : base64(Buffer.from(key)),
    headers: Object.entries(headers).map(([name, value]) => [name, base64(value)]),
    ...(raw && {
      raw: {
        key: raw.key && base64(raw.key),
        headers: Object.entries(raw.headers).map(([name, all]) => [name, all.map(base64)]),
      },
    }),
  }
}

function unpack(bytes: Buffer): Pick<Message, 'key' | 'headers' | 'raw'> {
  const { key, headers, raw } = JSON.parse(bytes.toString()) as Packed
  const unpacked: RawMessage | undefined = raw && {
    key: raw.key === null ? null : fromBase64(raw.key),
    headers: Object.fromEntries(raw.headers.map(([name, all]) => [name, all.map(fromBase64)])),
  }
  return {
    key: key === null ? null : fromBase64(key).toString(),
    headers: Object.fromEntries(headers.map(([name, value]) => [name, fromBase64(value)])),
    ...(unpacked && { raw: unpacked }),
  }
}

const base64 = (bytes: Uint8Array) => view(bytes).toString('base64')
const fromBase64 = (text: string) => Buffer.from(text, 'base64')
const view = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength)
