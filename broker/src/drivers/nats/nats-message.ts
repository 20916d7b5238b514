import { isUtf8 } from 'node:buffer'
import type { JsMsg } from '@nats-io/jetstream'
import { headers as createHeaders, type MsgHdrs } from '@nats-io/transport-node'
import type { Message, RawMessage } from '../../broker.js'
import type { LaneEvent } from '../../lanes.js'
import { partitionPosition } from '../../partition-position.js'

// A header whose name and value are plain text is a header of NATS, which foreign consumers read as they
// are. NATS headers cannot have other bytes: those go, in base64, to a header `Herald-Header` each. The key
// is `Herald-Key`, or in base64 `Herald-Key-Base64`.
const keyHeader = 'Herald-Key'
const encodedKeyHeader = 'Herald-Key-Base64'
const encodedHeader = 'Herald-Header'

const isPlainName = (name: string) => /^(?!nats-|herald-)[\w!#$%&'*+.^`|~-]+$/i.test(name)
const isPlainText = (text: string) => /^[!-~]([ -~]*[!-~])?$/.test(text)

export function toNatsHeaders({ key, headers, raw }: Message): MsgHdrs {
  const result = createHeaders()
  const keyBytes = raw === undefined ? key : raw.key
  if (keyBytes !== null) {
    const text = Buffer.from(keyBytes).toString('latin1')
    if (isPlainText(text)) result.append(keyHeader, text)
    else result.append(encodedKeyHeader, base64(Buffer.from(keyBytes)))
  }
  for (const [name, values] of Object.entries(raw?.headers ?? headers)) {
    for (const value of [values].flat()) {
      const text = Buffer.from(value).toString('latin1')
      if (isPlainName(name) && isPlainText(text)) result.append(name, text)
      else result.append(encodedHeader, `${base64(Buffer.from(name))}:${base64(value)}`)
    }
  }
  return result
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')

/** How many bytes the headers have in NATS' protocol, which its max_payload counts. */
export function headerBytes(headers: MsgHdrs): number {
  let bytes = 'NATS/1.0\r\n\r\n'.length
  for (const [name, values] of headers) {
    for (const value of values) bytes += name.length + value.length + ': \r\n'.length
  }
  return bytes
}

/** A message of a partition as the lanes take it. */
export function toLaneEvent(topic: string, partition: number, message: JsMsg): LaneEvent {
  const { seq, data, info } = message
  return {
    offset: BigInt(seq),
    delivery: {
      topic,
      ...partitionPosition(partition, String(seq)),
      ...readHeaders(message.headers),
      value: data,
      publishedAt: new Date(Math.floor(info.timestampNanos / 1e6)),
    },
  }
}

function readHeaders(headers: MsgHdrs | undefined): Pick<Message, 'key' | 'headers' | 'raw'> {
  let key: Uint8Array | null = null
  const all: Record<string, Uint8Array[]> = {}
  const add = (name: string, value: Uint8Array) => {
    all[name] = [...(all[name] ?? []), value]
  }
  for (const [name, values] of headers ?? []) {
    for (const value of values) {
      if (name === keyHeader) key = Buffer.from(value)
      else if (name === encodedKeyHeader) key = Buffer.from(value, 'base64')
      else if (name === encodedHeader) {
        const [encodedName = '', encodedValue = ''] = value.split(':')
        add(Buffer.from(encodedName, 'base64').toString(), Buffer.from(encodedValue, 'base64'))
      } else if (!/^nats-/i.test(name)) add(name, Buffer.from(value))
    }
  }
  const isExact =
    (key === null || isUtf8(key)) && Object.values(all).every(({ length }) => length === 1)
  const raw: RawMessage | undefined = isExact ? undefined : { key, headers: all }
  return {
    key: key === null ? null : Buffer.from(key).toString(),
    // The last value of a repeated header counts, as with Kafka.
    headers: Object.fromEntries(
      Object.entries(all).map(([name, values]) => [name, values.at(-1) ?? new Uint8Array()]),
    ),
    ...(raw && { raw }),
  }
}
