import { EventError } from './event-error.js'

/** The CloudEvents 1.0 attributes around an event. */
export interface EventEnvelope {
  /** A UUIDv7 if Herald made it; any text of at most 255 bytes in a foreign event. */
  readonly id: string
  /** A URI reference: the program that announces. */
  readonly source: string
  readonly type: string
  readonly time: Date
  readonly subject?: string
  /** W3C Trace Context. */
  readonly traceparent?: string
}

/** Looks up an attribute by its CloudEvents name; undefined if it is absent. */
export type ReadAttribute = (name: string) => string | undefined

const maxIdBytes = 255
/** Each may become an HTTP header; servers accept 8 or 16 KiB of headers in all. */
const maxTextBytes = 1024
// RFC 3339, section 5.6.
const timestamp = /^\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d(\.\d+)?(z|[+-]\d\d:\d\d)$/i
// W3C Trace Context, section 3.2: version 00 ends with the flags, later ones may not. It goes into
// HTTP headers: visible ASCII.
const traceContext =
  /^(?:00-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}|(?!00|ff)[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-[\x21-\x7e]{0,200})?)$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what CloudEvents forbids in text.
const forbidden = /[\u0000-\u001f\u007f-\u009f]/

/** The envelope without a time, which is optional in CloudEvents. Throws EventError. */
type CheckedAttributes = Omit<EventEnvelope, 'time'> & { readonly time: Date | undefined }

/** Checks the attributes of a received event. Throws EventError naming the first invalid one. */
export function checkAttributes(read: ReadAttribute): CheckedAttributes {
  const version = read('specversion')
  if (version !== '1.0') {
    throw notCloudEvent(
      version === undefined
        ? 'The attribute specversion is missing; Herald reads CloudEvents 1.0.'
        : `The attribute specversion is ${quote(version)}; Herald reads CloudEvents 1.0.`,
    )
  }
  const id = required(read, 'id')
  if (Buffer.byteLength(id) > maxIdBytes) {
    throw notCloudEvent(`The attribute id is longer than ${maxIdBytes} bytes.`)
  }
  const source = required(read, 'source')
  if (/\s/.test(source)) {
    throw notCloudEvent(`The attribute source is ${quote(source)}, which is not a URI reference.`)
  }
  if (Buffer.byteLength(source) > maxTextBytes) {
    throw notCloudEvent(`The attribute source is longer than ${maxTextBytes} bytes.`)
  }
  const subject = read('subject')
  if (subject !== undefined && Buffer.byteLength(subject) > maxTextBytes) {
    throw notCloudEvent(`The attribute subject is longer than ${maxTextBytes} bytes.`)
  }
  const traceparent = read('traceparent')
  return {
    id,
    source,
    type: required(read, 'type'),
    time: checkTime(read('time')),
    ...(subject ? { subject } : {}),
    // A malformed trace context does not reject an event; a new trace starts.
    ...(isTraceparent(traceparent) ? { traceparent } : {}),
  }
}

export function isTraceparent(text: string | undefined): text is string {
  return text !== undefined && traceContext.test(text)
}

function required(read: ReadAttribute, name: string): string {
  const text = read(name)
  if (text === undefined || text === '') throw notCloudEvent(`The attribute ${name} is missing.`)
  if (forbidden.test(text)) {
    throw notCloudEvent(
      `The attribute ${name} is ${quote(text)}, which contains control characters.`,
    )
  }
  return text
}

function checkTime(text: string | undefined): Date | undefined {
  if (text === undefined || text === '') return undefined
  const time = new Date(timestamp.test(text) ? text.toUpperCase() : Number.NaN)
  if (Number.isNaN(time.getTime())) {
    throw notCloudEvent(
      `The attribute time is ${quote(text)}, which is not a time such as 2026-01-31T12:00:00Z.`,
    )
  }
  return time
}

export function notCloudEvent(message: string, cause?: unknown): EventError {
  return new EventError('EVENT_NOT_CLOUDEVENT', message, cause === undefined ? {} : { cause })
}

/** Foreign text for a message, shortened and on one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
