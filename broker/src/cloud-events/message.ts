import { encodeEvent, eventTypes, type HeraldEvent, type ReceivedHeraldEvent } from '@herald/proto'
import type { Message } from '../broker.js'
import {
  checkAttributes,
  type EventEnvelope,
  isTraceparent,
  notCloudEvent,
  type ReadAttribute,
} from './event-attributes.js'
import { checkEventData, mediaType, readEventData } from './event-data.js'
import { EventError } from './event-error.js'
import { readStructured } from './structured-mode.js'

export type { EventEnvelope } from './event-attributes.js'
export { EventError, type EventErrorCode } from './event-error.js'

export interface ReceivedEvent {
  readonly envelope: EventEnvelope
  readonly event: ReceivedHeraldEvent
}

const maxHeaderBytes = 64 * 1024
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The event in CloudEvents' Kafka binary mode. The key is the recipient's address in lower case,
 * so that one person's mail stays in order; `default` if there is none. If a server distinguishes
 * `Ada@` from `ada@`, the two mailboxes share an order, which is harmless.
 * Control characters, which CloudEvents forbids, become U+FFFD in the subject. Throws EventError if
 * the envelope or the data lacks what a reader needs, TypeError or RangeError for a value that does
 * not fit its field.
 */
export function toMessage(envelope: Omit<EventEnvelope, 'type'>, event: HeraldEvent): Message {
  checkEventData(event)
  return {
    key: event.data.recipient?.address?.trim().normalize().toLowerCase() || 'default',
    value: encodeEvent(event),
    headers: binaryHeaders({ ...envelope, type: event.type }),
  }
}

/** The headers of an event in binary mode, its data protobuf. Throws EventError. */
export function binaryHeaders(envelope: EventEnvelope): Record<string, Uint8Array> {
  const attributes: Record<string, string | undefined> = {
    specversion: '1.0',
    id: envelope.id,
    source: envelope.source,
    type: envelope.type,
    time: envelope.time.toISOString(),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what CloudEvents forbids.
    subject: envelope.subject?.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd'),
  }
  checkAttributes((name) => attributes[name])
  const headers: Record<string, Uint8Array> = {}
  for (const [name, text] of Object.entries(attributes)) {
    if (text) headers[`ce_${name}`] = Buffer.from(text)
  }
  headers['content-type'] = Buffer.from('application/protobuf')
  if (isTraceparent(envelope.traceparent))
    headers['traceparent'] = Buffer.from(envelope.traceparent)
  return headers
}

/**
 * Reads an event in binary mode, or in structured mode (`application/cloudevents+json`), its
 * data protobuf or JSON. If a foreign envelope has no time, the time in the data is used.
 * Extensions are ignored. Throws EventError.
 */
export function fromMessage(message: Message): ReceivedEvent {
  const header = readHeaders(message)
  if (message.value.byteLength === 0) {
    throw notCloudEvent('The value is empty: a tombstone, not an event.')
  }
  const contentType = header('content-type')
  const media = mediaType(contentType)
  if (media === 'application/cloudevents+json') {
    const { attribute, data } = readStructured(message.value)
    return readEvent(attribute, attribute('datacontenttype'), data)
  }
  if (media.startsWith('application/cloudevents')) {
    throw notCloudEvent(
      `The content type is ${media}; of structured events Herald reads application/cloudevents+json, one per message.`,
    )
  }
  const attribute: ReadAttribute = (name) =>
    header(`ce_${name}`) ?? (name === 'traceparent' ? header(name) : undefined)
  return readEvent(attribute, contentType, { bytes: message.value })
}

function readEvent(
  attribute: ReadAttribute,
  contentType: string | undefined,
  data: Parameters<typeof readEventData>[2],
): ReceivedEvent {
  const attributes = checkAttributes(attribute)
  const event = readEventData(attributes.type, contentType, data)
  return { envelope: { ...attributes, time: attributes.time ?? timeInData(event) }, event }
}

function timeInData(event: ReceivedHeraldEvent): Date {
  const unixMs =
    event.type === eventTypes.fileConverted
      ? event.data.finishedAtUnixMs
      : event.data.failedAtUnixMs
  const time = new Date(unixMs)
  if (unixMs <= 0 || Number.isNaN(time.getTime())) {
    throw notCloudEvent('The attribute time is missing, and the data has no time either.')
  }
  return time
}

/** Looks up a header, ignoring case. A value is decoded, strictly as UTF-8, when it is looked up. */
export function readHeaders({ headers }: Message): (name: string) => string | undefined {
  const byName = new Map<string, Uint8Array>()
  let bytes = 0
  for (const [name, value] of Object.entries(headers)) {
    bytes += Buffer.byteLength(name) + value.byteLength
    const lower = name.toLowerCase()
    if (name === lower || !byName.has(lower)) byName.set(lower, value)
  }
  if (bytes > maxHeaderBytes) {
    throw new EventError(
      'EVENT_TOO_LARGE',
      `The headers have ${bytes} bytes; Herald reads at most ${maxHeaderBytes}.`,
    )
  }
  return (name) => {
    const value = byName.get(name)
    if (value === undefined) return undefined
    try {
      return strictUtf8.decode(value)
    } catch (error) {
      throw notCloudEvent(`The header ${name} is not UTF-8.`, error)
    }
  }
}
