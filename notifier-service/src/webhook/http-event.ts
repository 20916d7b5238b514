import type { ReceivedEvent } from '@herald/broker/message'
import { encodeEventJson } from '@herald/proto/event-json'

export interface HttpEvent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/**
 * The event in CloudEvents' HTTP binary mode, its data in protobuf's JSON mapping. The same event
 * gives the same bytes.
 */
export function httpEvent({ envelope, event }: ReceivedEvent, withoutPreview: boolean): HttpEvent {
  const attributes = {
    specversion: '1.0',
    id: envelope.id,
    source: envelope.source,
    type: envelope.type,
    time: envelope.time.toISOString(),
    subject: envelope.subject,
  }
  const headers = Object.entries(attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [[`ce-${name}`, percentEncoded(value)]],
  )
  const content =
    withoutPreview && 'preview' in event.data
      ? ({ ...event, data: { ...event.data, preview: null } } as typeof event)
      : event
  return {
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(headers),
      ...(envelope.traceparent ? { traceparent: envelope.traceparent } : {}),
    },
    body: Buffer.from(JSON.stringify(encodeEventJson(content))),
  }
}

/** CloudEvents, HTTP protocol binding 1.0.2, section 3.1.3.2. */
function percentEncoded(text: string): string {
  return text.replace(/[^\u0021\u0023\u0024\u0026-\u007e]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
