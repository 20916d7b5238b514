import { notCloudEvent, type ReadAttribute } from './event-attributes.js'
import { type EventData, isJson, mediaType } from './event-data.js'

interface StructuredEvent {
  readonly attribute: ReadAttribute
  readonly data: EventData
}

/**
 * Parses a CloudEvent in the JSON format (CloudEvents JSON format 1.0, sections 2 and 3).
 * Throws EventError.
 */
export function readStructured(value: Uint8Array): StructuredEvent {
  const event = parseObject(value)
  const attribute: ReadAttribute = (name) => {
    const attributeValue = Object.hasOwn(event, name) ? event[name] : undefined
    if (attributeValue === undefined || attributeValue === null) return undefined
    if (typeof attributeValue !== 'string') {
      throw notCloudEvent(`The attribute ${name} is not a string.`)
    }
    return attributeValue
  }
  return { attribute, data: readData(event, attribute('datacontenttype')) }
}

function readData(event: Record<string, unknown>, contentType: string | undefined): EventData {
  const { data, data_base64: base64 } = event
  if (base64 !== undefined && base64 !== null) {
    if (data !== undefined && data !== null) {
      throw notCloudEvent('The event has both data and data_base64.')
    }
    if (typeof base64 !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
      throw notCloudEvent('data_base64 is not base64.')
    }
    return { bytes: Buffer.from(base64, 'base64') }
  }
  if (data === undefined || data === null) throw notCloudEvent('The event has no data.')
  // Without a content type, data is JSON (JSON format, section 3.1).
  if (contentType === undefined || isJson(mediaType(contentType))) return { json: data }
  throw notCloudEvent(`Data of the type ${mediaType(contentType)} belongs in data_base64.`)
}

function parseObject(value: Uint8Array): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value))
  } catch (error) {
    throw notCloudEvent('The value of a structured event is not JSON.', error)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw notCloudEvent('The value of a structured event is not a JSON object.')
  }
  return parsed as Record<string, unknown>
}
