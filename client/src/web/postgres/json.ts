import type { Message } from '@herald/broker'

/** PostgreSQL stores no NUL and no half of a surrogate pair in a text. */
const storable = (_key: string, value: unknown) =>
  typeof value === 'string' ? value.replaceAll('\0', '\ufffd').replace(/\p{Cs}/gu, '\ufffd') : value

/**
 * JSON as PostgreSQL can store it, to be passed as `::text::jsonb`: the driver would encode it once
 * more as `::jsonb`.
 */
export const toJson = (value: unknown): string => JSON.stringify(value, storable)

interface StoredMessage {
  readonly key: string | null
  /** Base64, as the headers. */
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

export const messageToJson = ({ key, value, headers }: Message): string =>
  toJson({ key, value: base64(value), headers: mapValues(headers, base64) } satisfies StoredMessage)

export const messageFromJson = ({ key, value, headers }: StoredMessage): Message => ({
  key,
  value: Buffer.from(value, 'base64'),
  headers: mapValues(headers, (text) => Buffer.from(text, 'base64')),
})

function mapValues<V, W>(values: Readonly<Record<string, V>>, map: (value: V) => W) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]))
}
