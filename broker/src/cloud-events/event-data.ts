import {
  decodeEvent,
  decodeEventJson,
  eventTypes,
  type HeraldEvent,
  type ReceivedHeraldEvent,
} from '@herald/proto'
import { quote } from './event-attributes.js'
import { EventError } from './event-error.js'

/** An event's data: bytes of a media type, or parsed JSON. */
export type EventData = { readonly bytes: Uint8Array } | { readonly json: unknown }

/** Reads the data of an event of `type`. Throws EventError. */
export function readEventData(
  type: string,
  contentType: string | undefined,
  data: EventData,
): ReceivedHeraldEvent {
  const media = mediaType(contentType)
  let event: ReceivedHeraldEvent | undefined
  try {
    if ('json' in data) event = decodeEventJson(type, data.json)
    else if (isProtobuf(media)) event = decodeEvent(type, data.bytes)
    else if (isJson(media)) event = decodeEventJson(type, parseJson(data.bytes))
    else {
      throw undecodable(
        media === ''
          ? 'The content type is missing; Herald reads application/protobuf and application/json.'
          : `The content type is ${quote(media)}; Herald reads application/protobuf and application/json.`,
      )
    }
  } catch (error) {
    if (error instanceof EventError) throw error
    // A parser's message may repeat all of its input.
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 300)
    throw undecodable(`The data is not a valid ${quote(type)}: ${reason}.`, error)
  }
  if (event === undefined) {
    throw new EventError(
      'EVENT_UNKNOWN_TYPE',
      `The type is ${quote(type)}; Herald knows ${Object.values(eventTypes).join(' and ')}.`,
    )
  }
  checkEventData(event)
  return event
}

/**
 * Throws EventError if a field that readers need is empty: protobuf ignores unknown fields, so the
 * bytes of another type may decode to an empty message.
 */
export function checkEventData(event: HeraldEvent): void {
  if (!event.data.conversionId) throw undecodable('The data has no conversion id.')
  switch (event.type) {
    case eventTypes.fileConverted:
      if (!event.data.renditions?.length) throw undecodable('The data has no rendition.')
      break
    case eventTypes.conversionFailed:
      if (!event.data.code && !event.data.message)
        throw undecodable('The data has neither a code nor a message.')
      break
  }
}

/** The type of a content-type header without its parameters, in lower case; empty if absent. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').replace(/;.*$/s, '').trim().toLowerCase()
}

export function isJson(media: string): boolean {
  return media === 'application/json' || media === 'text/json' || media.endsWith('+json')
}

function isProtobuf(media: string): boolean {
  return media === 'application/protobuf' || media === 'application/x-protobuf'
}

function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
}

function undecodable(message: string, cause?: unknown): EventError {
  return new EventError('EVENT_UNDECODABLE', message, cause === undefined ? {} : { cause })
}
