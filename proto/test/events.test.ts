import {
  decodeEvent,
  decodeEventJson,
  encodeEvent,
  eventTypes,
  type FileConverted,
} from '@herald/proto'
import { describe, expect, test } from 'vitest'

const converted = {
  conversionId: '01934f3a-0000-7000-8000-000000000002',
  runId: '01934f3a-0000-7000-8000-000000000001',
  source: {
    name: 'Ferien in Köln 🏞.png',
    mediaType: 'image/png',
    sizeBytes: Number.MAX_SAFE_INTEGER,
    sha256: 'ab'.repeat(32),
    width: 4000,
    height: 3000,
    pages: 1,
  },
  renditions: [
    {
      name: 'a.webp',
      mediaType: 'image/webp',
      sizeBytes: 42,
      sha256: 'cd'.repeat(32),
      width: 800,
      height: 600,
      pages: 1,
      path: '/home/ada/a.webp',
    },
    {
      name: 'b.avif',
      mediaType: 'image/avif',
      sizeBytes: 0,
      sha256: '',
      width: 1,
      height: 1,
      pages: 1,
      url: 'https://example.com/b',
    },
  ],
  stripped: ['exif', 'gps'],
  queueMs: 0.25,
  conversionMs: 123.5,
  startedAtUnixMs: 1_769_860_800_123,
  finishedAtUnixMs: 1_769_860_801_456,
  recipient: { address: 'ada@example.com', language: 'de' },
  preview: {
    mediaType: 'image/png',
    data: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
    width: 16,
    height: 16,
  },
  host: 'laptop',
  pageUrl: 'https://example.com/c/1',
  runSize: 3,
} satisfies FileConverted

const failed = {
  conversionId: 'c',
  runId: 'r',
  fileName: 'a.heic',
  formats: ['webp'],
  code: 'HERALD_UNSUPPORTED_FILE',
  message: 'It is HEIC.',
  remedy: '',
  failedAtUnixMs: 1,
  recipient: { address: '', language: '' },
  pageUrl: '',
  runSize: 0,
}

describe('an event', () => {
  test('of a conversion is decoded as it was encoded', () => {
    const bytes = encodeEvent({ type: eventTypes.fileConverted, data: converted })
    const event = decodeEvent(eventTypes.fileConverted, new Uint8Array(bytes))
    expect(event).toMatchObject({ type: eventTypes.fileConverted, data: converted })
    expect(event?.data).toMatchObject({
      renditions: [{ location: 'path' }, { location: 'url' }],
    })
  })

  test('of a failure is decoded as it was encoded', () => {
    const bytes = encodeEvent({ type: eventTypes.conversionFailed, data: failed })
    expect(decodeEvent(eventTypes.conversionFailed, bytes)).toEqual({
      type: eventTypes.conversionFailed,
      data: failed,
    })
  })

  test('has every field, absent ones at their default', () => {
    expect(decodeEvent(eventTypes.fileConverted, new Uint8Array())?.data).toMatchObject({
      conversionId: '',
      source: null,
      renditions: [],
      stripped: [],
      queueMs: 0,
      finishedAtUnixMs: 0,
      recipient: null,
      preview: null,
    })
  })

  test('of an unknown type is not decoded', () => {
    expect(decodeEvent('com.example.order.placed', new Uint8Array())).toBeUndefined()
    expect(decodeEventJson('com.example.order.placed', {})).toBeUndefined()
    expect(decodeEventJson('constructor', {})).toBeUndefined()
  })

  test('cut short is refused', () => {
    const bytes = encodeEvent({ type: eventTypes.fileConverted, data: converted })
    for (const missing of [1, 3, 'laptop'.length, 'laptop'.length + 1]) {
      const cut = bytes.subarray(0, -missing)
      expect(() => decodeEvent(eventTypes.fileConverted, cut)).toThrow()
    }
  })
})

describe('an event as JSON', () => {
  const asJson = {
    ...converted,
    preview: { ...converted.preview, data: converted.preview.data.toString('base64') },
  }

  test('is decoded as the same event', () => {
    const bytes = encodeEvent({ type: eventTypes.fileConverted, data: converted })
    expect(decodeEventJson(eventTypes.fileConverted, asJson)).toEqual(
      decodeEvent(eventTypes.fileConverted, bytes),
    )
    expect(decodeEventJson(eventTypes.conversionFailed, failed)).toEqual({
      type: eventTypes.conversionFailed,
      data: failed,
    })
  })

  test('may use the names of the proto, base64 for URLs, and text for large numbers', () => {
    const event = decodeEventJson(eventTypes.fileConverted, {
      conversion_id: 'c',
      started_at_unix_ms: '1769860800123',
      preview: { media_type: 'image/png', data: '-_8' },
      renditions: [{ size_bytes: '42' }],
      recipient: null,
    })
    expect(event?.data).toMatchObject({
      conversionId: 'c',
      startedAtUnixMs: 1_769_860_800_123,
      preview: { mediaType: 'image/png', data: Buffer.of(0xfb, 0xff) },
      renditions: [{ sizeBytes: 42 }],
      recipient: null,
    })
  })

  test('may have unknown fields', () => {
    expect(decodeEventJson(eventTypes.conversionFailed, { ...failed, urgent: true })?.data).toEqual(
      failed,
    )
  })

  test.each([
    ['a list', []],
    ['null', null],
    ['text for a list', { renditions: 'a.webp' }],
    ['a number for text', { conversionId: 5 }],
    ['a negative size', { renditions: [{ sizeBytes: -1 }] }],
    ['a fractional width', { renditions: [{ width: 1.5 }] }],
    ['invalid base64', { preview: { data: '***' } }],
    ['two locations of one file', { renditions: [{ url: 'https://a', path: '/a' }] }],
  ])('is refused when it holds %s', (_, json) => {
    expect(() => decodeEventJson(eventTypes.fileConverted, json)).toThrow()
  })
})
