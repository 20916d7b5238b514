import {
  BrokerError,
  type Message,
  type OpenBrokerOptions,
  type SubscribeOptions,
} from './broker.js'

const invalid = (why: string) => new BrokerError('BROKER_INVALID_MESSAGE', why)

/** Kafka's rule, so that a topic can move there. */
export function checkTopic(topic: string): void {
  if (/^[A-Za-z0-9._-]{1,249}$/.test(topic) && topic !== '.' && topic !== '..') return
  throw invalid(
    `Invalid topic name ${JSON.stringify(topic)}: expected 1 to 249 letters, digits, dots, dashes and underscores.`,
  )
}

export function checkSubscription({ group, maxInFlight, maxBuffered }: SubscribeOptions): void {
  // Longer ones would not fit a key of the store.
  if (!/^\P{Cc}{1,249}$/u.test(group)) {
    throw invalid(`Invalid group name ${JSON.stringify(group)}: expected 1 to 249 characters.`)
  }
  for (const [name, bound] of Object.entries({ maxInFlight, maxBuffered })) {
    if (bound === undefined || (Number.isSafeInteger(bound) && bound >= 1)) continue
    throw invalid(`Invalid ${name} ${bound}: expected a whole number of at least 1.`)
  }
}

/** Of the topics that a driver creates. */
export interface TopicSettings {
  readonly partitions: number
  readonly retentionMs: number
}

const weekMs = 7 * 24 * 60 * 60 * 1000

/** The options with their defaults. Throws RangeError: a wrong value is an error of the calling program. */
export function topicSettings(options: OpenBrokerOptions): TopicSettings {
  const { partitions = 8, retentionMs = weekMs } = options
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    throw new RangeError(`Invalid partitions ${partitions}: expected a whole number of at least 1.`)
  }
  if (!(retentionMs > 0)) {
    throw new RangeError(`Invalid retentionMs ${retentionMs}: expected a number above 0.`)
  }
  return { partitions, retentionMs }
}

/** Throws BROKER_INVALID_MESSAGE or BROKER_MESSAGE_TOO_LARGE. */
export function checkMessages(messages: readonly Message[], maxBytes: number): void {
  messages.forEach((message, index) => {
    const { value, headers } = message
    const which = `Message ${index + 1} of ${messages.length}`
    if (!(value instanceof Uint8Array) || value.byteLength === 0) {
      throw invalid(`${which} has no value: expected at least one byte.`)
    }
    for (const [name, header] of Object.entries(headers)) {
      if (!(header instanceof Uint8Array))
        throw invalid(`${which}: header ${name} is not a Uint8Array.`)
    }
    const bytes = messageBytes(message)
    if (bytes <= maxBytes) return
    throw new BrokerError(
      'BROKER_MESSAGE_TOO_LARGE',
      `${which} has ${bytes} bytes; this broker accepts ${maxBytes} at most. Send less, or a link to the content.`,
    )
  })
}

/** Key, value and headers together, in bytes, as they are published. */
export function messageBytes({ key, value, headers, raw }: Message): number {
  let bytes = value.byteLength + Buffer.byteLength(raw?.key ?? key ?? '')
  for (const [name, values] of Object.entries(raw?.headers ?? headers)) {
    for (const each of [values].flat()) bytes += Buffer.byteLength(name) + each.byteLength
  }
  return bytes
}
