import {
  decodeOutcome,
  encodeOutcome,
  type OutcomeEvent,
  type ReceivedOutcomeEvent,
} from '@herald/proto'
import type { Message } from '../broker.js'
import { checkAttributes, type EventEnvelope, notCloudEvent } from './event-attributes.js'
import { EventError } from './event-error.js'
import { binaryHeaders, readHeaders } from './message.js'

/** The topic for the outcomes of the events of `topic`. */
export const outcomeTopic = (topic: string) => `${topic}.outcomes`

/**
 * The outcome in CloudEvents' Kafka binary mode. The key is the conversion, so that the outcomes
 * of one conversion stay in order. Throws EventError if the envelope lacks an attribute that readers need.
 */
export function toOutcomeMessage(
  envelope: Omit<EventEnvelope, 'type'>,
  event: OutcomeEvent,
): Message {
  return {
    key: event.data.notification?.conversionId || 'default',
    value: encodeOutcome(event),
    headers: binaryHeaders({ ...envelope, type: event.type }),
  }
}

export interface ReceivedOutcome {
  readonly envelope: EventEnvelope
  readonly event: ReceivedOutcomeEvent
}

/**
 * Reads what toOutcomeMessage wrote; an outcome may come twice, with the same id. Undefined for an
 * event of another type, which readers ignore. Throws EventError.
 */
export function fromOutcomeMessage(message: Message): ReceivedOutcome | undefined {
  const header = readHeaders(message)
  const attributes = checkAttributes((name) => header(`ce_${name}`))
  let event: ReceivedOutcomeEvent | undefined
  try {
    event = decodeOutcome(attributes.type, message.value)
  } catch (error) {
    throw new EventError('EVENT_UNDECODABLE', `The data is not a valid ${attributes.type}.`, {
      cause: error,
    })
  }
  if (event === undefined) return undefined
  if (attributes.time === undefined) throw notCloudEvent('The attribute time is missing.')
  return { envelope: { ...attributes, time: attributes.time }, event }
}
