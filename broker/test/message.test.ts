import type { Message } from '@herald/broker'
import { encodeEvent, eventTypes, type HeraldEvent } from '@herald/proto'
import { CloudEvent, Kafka } from 'cloudevents'
import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { EventError, fromMessage, toMessage } from '#src/cloud-events/message'

const envelope = {
  id: '01934f3a-0000-7000-8000-000000000001',
  source: 'herald://laptop/cli',
  time: new Date('2026-01-31T12:00:00.123Z'),
  subject: 'Ferien in Köln 🏞.png',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
}

const converted: HeraldEvent = {
  type: eventTypes.fileConverted,
  data: {
    conversionId: '01934f3a-0000-7000-8000-000000000002',
    renditions: [
      { name: 'a.webp', mediaType: 'image/webp', sizeBytes: 42, path: '/home/ada/a.webp' },
    ],
    finishedAtUnixMs: 1_769_860_800_123,
    recipient: { address: 'Ada@Example.com', language: 'de' },
    preview: { mediaType: 'image/png', data: Uint8Array.of(0, 255, 128, 10) },
  },
}

const failed: HeraldEvent = {
  type: eventTypes.conversionFailed,
  data: { conversionId: 'c', code: 'HERALD_CORRUPT_FILE', failedAtUnixMs: 1_769_860_800_000 },
}

const texts = ({ headers }: Message) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString()]),
  )

const bytes = (headers: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, Buffer.from(String(value))]),
  )

/** A valid message with some headers changed (undefined: removed). */
function withHeaders(changes: Record<string, string | Uint8Array | undefined>): Message {
  const message = toMessage(envelope, converted)
  const headers: Record<string, Uint8Array> = { ...message.headers }
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete headers[name]
    else headers[name] = Buffer.from(value)
  }
  return { ...message, headers }
}

function structured(event: Record<string, unknown>): Message {
  return {
    key: null,
    value: Buffer.from(JSON.stringify(event)),
    headers: { 'content-type': Buffer.from('application/cloudevents+json; charset=utf-8') },
  }
}

function errorOf(message: Message): EventError {
  try {
    fromMessage(message)
  } catch (error) {
    if (error instanceof EventError) return error
    throw error
  }
  throw new Error('it was read as an event')
}

test('an event has exactly the headers of the Kafka binding', () => {
  expect(texts(toMessage(envelope, converted))).toEqual({
    ce_specversion: '1.0',
    ce_id: envelope.id,
    ce_source: envelope.source,
    ce_type: 'herald.file.converted.v1',
    ce_time: '2026-01-31T12:00:00.123Z',
    ce_subject: envelope.subject,
    'content-type': 'application/protobuf',
    traceparent: envelope.traceparent,
  })
})

test('what is written is read again byte for byte', () => {
  const { envelope: readEnvelope, event } = fromMessage(toMessage(envelope, converted))
  expect(readEnvelope).toEqual({ ...envelope, type: 'herald.file.converted.v1' })
  expect(event.data).toMatchObject({ conversionId: '01934f3a-0000-7000-8000-000000000002' })
  expect(event.type === eventTypes.fileConverted && event.data.preview?.data).toEqual(
    Buffer.of(0, 255, 128, 10),
  )
  expect(fromMessage(toMessage(envelope, failed)).event).toMatchObject(failed)
})

test('the key is the recipient in lower case, or default', () => {
  expect(toMessage(envelope, converted).key).toBe('ada@example.com')
  expect(toMessage(envelope, failed).key).toBe('default')
})

test('control characters of a file name do not reach a header', () => {
  const message = toMessage({ ...envelope, subject: '";\r\nBcc: eve@example.com .png' }, converted)
  expect(texts(message)['ce_subject']).toBe('";\ufffd\ufffdBcc: eve@example.com .png')
})

test('an event that no reader accepts is not written', () => {
  expect(() => toMessage(envelope, { ...failed, data: {} } as HeraldEvent)).toThrow(EventError)
  expect(() => toMessage({ ...envelope, id: '' }, converted)).toThrow(/id is missing/)
  expect(() => toMessage({ ...envelope, source: 'a b' }, converted)).toThrow(/source/)
})

describe('the official CloudEvents package', () => {
  test('reads what Herald writes', () => {
    const message = toMessage(envelope, converted)
    const received = {
      headers: texts(message),
      key: message.key,
      value: message.value,
      body: message.value,
    }
    const read = Kafka.toEvent(received) as CloudEvent<Uint8Array>
    expect(read.validate()).toBe(true)
    expect(read).toMatchObject({
      specversion: '1.0',
      id: envelope.id,
      source: envelope.source,
      type: 'herald.file.converted.v1',
      time: '2026-01-31T12:00:00.123Z',
      subject: envelope.subject,
      datacontenttype: 'application/protobuf',
    })
    expect(Buffer.from(read.data as Uint8Array)).toEqual(encodeEvent(converted))
  })

  const foreign = new CloudEvent({
    id: 'order-4711',
    source: '/shop',
    type: 'herald.file.converted.v1',
    time: '2026-01-31T13:00:00.123+01:00',
    subject: 'käse.png',
    datacontenttype: 'application/protobuf',
    traceparent: envelope.traceparent,
    partitionkey: 'ada@example.com',
    data: new Uint8Array(encodeEvent(converted)),
  })
  const expected = {
    envelope: {
      id: 'order-4711',
      source: '/shop',
      type: 'herald.file.converted.v1',
      time: envelope.time,
      subject: 'käse.png',
      traceparent: envelope.traceparent,
    },
    event: fromMessage(toMessage(envelope, converted)).event,
  }

  test('writes what Herald reads, in binary mode', () => {
    const { headers, value, key } = Kafka.binary(foreign)
    expect(
      fromMessage({ key: key as string, value: value as Uint8Array, headers: bytes(headers) }),
    ).toEqual(expected)
  })

  test('writes what Herald reads, in structured mode', () => {
    const { headers, value, key } = Kafka.structured(foreign)
    expect(value).toContain('data_base64')
    expect(
      fromMessage({
        key: key as string,
        value: Buffer.from(value as string),
        headers: bytes(headers),
      }),
    ).toEqual(expected)
  })

  test('writes JSON that Herald reads, in both modes', () => {
    const event = foreign.cloneWith({
      datacontenttype: 'application/json',
      data_base64: undefined,
      data: {
        conversion_id: 'c-1',
        renditions: [{ name: 'a.webp', sizeBytes: '42', url: 'https://example.com/a.webp' }],
        preview: { mediaType: 'image/png', data: 'AP+ACg==' },
        addedLater: true,
      },
    } as never)
    const inBinary = Kafka.binary(event)
    const inStructured = Kafka.structured(event)
    for (const message of [
      { value: Buffer.from(JSON.stringify(inBinary.value)), headers: bytes(inBinary.headers) },
      { value: Buffer.from(inStructured.value as string), headers: bytes(inStructured.headers) },
    ]) {
      expect(fromMessage({ key: null, ...message }).event.data).toMatchObject({
        conversionId: 'c-1',
        renditions: [{ name: 'a.webp', sizeBytes: 42, url: 'https://example.com/a.webp' }],
        preview: { data: Buffer.of(0, 255, 128, 10) },
      })
    }
  })
})

test('header names are case-insensitive', () => {
  const message = toMessage(envelope, converted)
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name.toUpperCase(), value]),
  )
  expect(fromMessage({ ...message, headers })).toEqual(fromMessage(message))
})

test('extensions are ignored, even those that are not text', () => {
  const message = withHeaders({ ce_tenant: Buffer.of(0xff, 0xfe), other: 'x' })
  expect(fromMessage(message).envelope.id).toBe(envelope.id)
})

test('an envelope without a time gets the time of the data', () => {
  expect(fromMessage(withHeaders({ ce_time: undefined })).envelope.time).toEqual(envelope.time)
})

test('a malformed trace context is dropped, but not its event', () => {
  const trace = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  // Each of these becomes an HTTP header.
  const malformed = ['x', `ff-${trace}`, `00-${trace}-x`, `01-${trace}-é`, `01-${trace}-a b`]
  for (const traceparent of malformed) {
    expect(fromMessage(withHeaders({ traceparent })).envelope).not.toHaveProperty('traceparent')
  }
  const later = { traceparent: `01-${trace}-later` }
  expect(fromMessage(withHeaders(later)).envelope).toMatchObject(later)
})

describe('a message that is not a CloudEvent is refused with its reason:', () => {
  test.each([
    ['no id', { ce_id: undefined }, /id is missing/],
    ['an empty id', { ce_id: '' }, /id is missing/],
    ['an id beyond all measure', { ce_id: 'x'.repeat(256) }, /id is longer/],
    ['no source', { ce_source: undefined }, /source is missing/],
    ['no type', { ce_type: undefined }, /type is missing/],
    ['no specversion', { ce_specversion: undefined }, /specversion is missing/],
    ['another specversion', { ce_specversion: '0.3' }, /specversion is "0.3"/],
    ['a time that is none', { ce_time: 'yesterday' }, /time is "yesterday"/],
    ['a time without a zone', { ce_time: '2026-01-31T12:00:00' }, /not a time such as/],
    ['a header that is not UTF-8', { ce_id: Buffer.of(0xff) }, /ce_id is not UTF-8/],
    ['control characters', { ce_source: 'a\r\nb' }, /source/],
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, /one per message/],
    [
      'a structured format unknown here',
      { 'content-type': 'application/cloudevents+avro' },
      /one per/,
    ],
  ])('%s', (_, changes, reason) => {
    const error = errorOf(withHeaders(changes as Record<string, string>))
    expect(error.code).toBe('EVENT_NOT_CLOUDEVENT')
    expect(error.message).toMatch(reason)
  })

  test('an empty value', () => {
    const error = errorOf({ ...toMessage(envelope, converted), value: new Uint8Array() })
    expect(error.code).toBe('EVENT_NOT_CLOUDEVENT')
    expect(error.message).toMatch(/tombstone/)
  })

  test.each([
    ['text that is not JSON', Buffer.from('{'), /not JSON/],
    ['bytes that are not text', Buffer.of(0x7b, 0xff, 0x7d), /not JSON/],
    ['a list', Buffer.from('[]'), /not a JSON object/],
  ])('a structured value that is %s', (_, value, reason) => {
    const message = { ...structured({}), value }
    expect(errorOf(message)).toMatchObject({ code: 'EVENT_NOT_CLOUDEVENT' })
    expect(errorOf(message).message).toMatch(reason)
  })

  const attributes = { specversion: '1.0', id: '1', source: '/s', type: 'herald.file.converted.v1' }
  test.each([
    ['an id that is a number', { ...attributes, id: 1, data: {} }, /id is not a string/],
    ['no data', attributes, /no data/],
    ['data twice', { ...attributes, data: {}, data_base64: '' }, /both/],
    ['invalid data_base64', { ...attributes, data_base64: '*' }, /not base64/],
    [
      'protobuf outside data_base64',
      { ...attributes, datacontenttype: 'application/protobuf', data: 'CgE=' },
      /belongs in data_base64/,
    ],
  ])('a structured event with %s', (_, event, reason) => {
    expect(errorOf(structured(event)).message).toMatch(reason)
  })
})

test('900 KB of headers are too much', () => {
  expect(errorOf(withHeaders({ ce_padding: 'x'.repeat(900_000) })).code).toBe('EVENT_TOO_LARGE')
})

test('an unknown type is named in the error', () => {
  const error = errorOf(withHeaders({ ce_type: 'com.example.order.placed' }))
  expect(error.code).toBe('EVENT_UNKNOWN_TYPE')
  expect(error.message).toContain('com.example.order.placed')
})

describe('data that does not match its type is refused:', () => {
  const withValue = (value: Uint8Array) => ({ ...toMessage(envelope, converted), value })

  test('protobuf cut short anywhere', () => {
    const whole = encodeEvent(converted)
    const passed: number[] = []
    for (let length = 1; length < whole.length; length++) {
      try {
        fromMessage(withValue(whole.subarray(0, length)))
        passed.push(length)
      } catch (error) {
        expect(error).toMatchObject({ code: 'EVENT_UNDECODABLE' })
      }
    }
    // Protobuf that is cut between two fields is valid again, and may pass.
    expect(passed.length).toBeLessThan(8)
  })

  test('random bytes', () => {
    let state = 42
    const next = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state >>> 24
    }
    for (let round = 0; round < 5000; round++) {
      const value = Uint8Array.from({ length: 1 + (next() % 200) }, next)
      expect(errorOf(withValue(value)).code).toBe('EVENT_UNDECODABLE')
    }
  })

  test.each([
    ['fields of another message only', Buffer.from([0xa0, 0x06, 0x01])],
    ['no rendition', encodeEvent({ type: eventTypes.fileConverted, data: { conversionId: v7() } })],
  ])('%s', (_, value) => {
    expect(errorOf(withValue(value)).code).toBe('EVENT_UNDECODABLE')
  })

  test.each([
    ['JSON of a wrong shape', 'application/json', '{"conversionId":5}', /conversion_id/],
    ['JSON that is none', 'application/json', '{', /JSON/],
    ['a content type unknown here', 'application/xml', '<a/>', /application\/xml/],
    ['no content type', undefined, 'x', /content type is missing/],
  ])('%s', (_, contentType, text, reason) => {
    const message = { ...withHeaders({ 'content-type': contentType }), value: Buffer.from(text) }
    expect(errorOf(message)).toMatchObject({ code: 'EVENT_UNDECODABLE' })
    expect(errorOf(message).message).toMatch(reason)
  })
})
