import { randomBytes } from 'node:crypto'
import type { Message } from '@herald/broker'
import { toMessage } from '@herald/broker/message'
import { encodeEventJson } from '@herald/proto/event-json'
import { eventTypes, type HeraldEvent } from '@herald/proto/events'
import { makeEvent, people } from './events.js'
import { type Random, whole } from './seeded.js'

/** Text that programs often handle wrongly. */
const texts: readonly string[] = [
  '',
  ' ',
  '\0',
  '\r\nBcc: eve@example.com',
  '\u0301\u0316',
  '\ud83d',
  '\u202egpj.exe',
  '👩‍👩‍👧‍👦',
  'ميناء',
  'ß',
  '=?utf-8?B?QQ==?=',
  '{{name}}',
  '%0d%0a',
  '../..',
  '__proto__',
  'a@b',
  '@',
  '"<>&\'\\',
  '\uffff',
  '\u{e0001}',
]

const numbers: readonly number[] = [
  ...[0, -0, 1, -1, 0.5, 2 ** 31, -(2 ** 31), 2 ** 53, 8.64e15, 8.64e15 + 1, -8.64e15],
  ...[1e18, -1e18, Number.NaN, Number.POSITIVE_INFINITY],
]

const pick = <T>(random: Random, all: readonly T[]) => all[whole(random, all.length)] as T

function text(random: Random): string {
  const length = pick(random, [0, 1, 3, 20, 200, 2000, 20_000])
  const unit = random() < 0.7 ? pick(random, texts) : String.fromCharCode(whole(random, 0x10000))
  return unit.repeat(Math.ceil(length / Math.max(1, unit.length))).slice(0, length)
}

/** Changes some of the values in `data` to others of their type; numbers only to values that can be encoded. */
function mutateFields(random: Random, data: object): void {
  for (const [name, value] of Object.entries(data)) {
    if (Array.isArray(value) && random() < 0.1) {
      const times = pick(random, [0, 2, 50, 500])
      ;(data as Record<string, unknown>)[name] = Array.from({ length: times }, () => value[0])
    } else if (value !== null && typeof value === 'object') mutateFields(random, value)
    if (random() > 0.15) continue
    if (typeof value === 'string') (data as Record<string, unknown>)[name] = text(random)
    if (typeof value === 'number') (data as Record<string, unknown>)[name] = pick(random, numbers)
  }
}

function randomEvent(random: Random): HeraldEvent {
  const runId = `run-${whole(random, 50)}`
  const recipient = {
    address: pick(random, people(40)),
    language: pick(random, ['en', 'ru', 'xx']),
  }
  const runSize = pick(random, [0, 1, 2, 5])
  if (random() < 0.3) {
    return {
      type: eventTypes.conversionFailed,
      data: {
        ...{ conversionId: `c-${whole(random, 1e9)}`, runId, runSize, recipient },
        ...{ fileName: 'harbour.jpg', message: 'It is damaged.', remedy: 'Save it again.' },
        ...{ code: 'HERALD_UNREADABLE', formats: ['webp'], pageUrl: 'https://example.com/c/1' },
        failedAtUnixMs: Date.now(),
      },
    }
  }
  const rendition = {
    ...{ name: 'harbour.webp', mediaType: 'image/webp', sizeBytes: 184_320, pages: 1 },
    ...{ sha256: '1'.repeat(64), width: 1600, height: 1200 },
  }
  return {
    type: eventTypes.fileConverted,
    data: {
      ...{ conversionId: `c-${whole(random, 1e9)}`, runId, runSize, recipient },
      source: { ...rendition, name: 'harbour.jpg', mediaType: 'image/jpeg' },
      renditions: [
        random() < 0.5
          ? { ...rendition, path: '/pictures/harbour.webp' }
          : { ...rendition, url: 'https://example.com/harbour.webp' },
      ],
      stripped: ['gps'],
      ...{
        queueMs: 1,
        conversionMs: 100,
        startedAtUnixMs: Date.now(),
        finishedAtUnixMs: Date.now(),
      },
      ...{ host: 'faults', pageUrl: 'https://example.com/c/1' },
      preview: {
        ...{ mediaType: 'image/png', width: 1, height: 1 },
        data: Buffer.concat([Buffer.from('89504e47', 'hex'), randomBytes(30)]),
      },
    },
  }
}

/** A message of any content, often an almost valid event; the same seed gives the same kinds. */
export function mutantMessage(random: Random): Message {
  const event = randomEvent(random)
  if (random() < 0.8) mutateFields(random, event.data)
  let message = makeEvent('fallback@example.com', 0).message
  try {
    const id = random() < 0.9 ? `id-${whole(random, 1e9)}` : text(random)
    const envelope = { id, source: '//herald.faults/fuzz', time: new Date() }
    message = toMessage(envelope, event)
    if (random() < 0.2) message = asJson(message, event)
  } catch {
    // Herald cannot publish this event, but another publisher could: its bytes are mutated below.
  }
  if (random() < 0.3) message = { ...message, headers: mutateHeaders(random, message) }
  if (random() < 0.15) message = { ...message, value: mutateBytes(random, message.value) }
  if (random() < 0.2) message = { ...message, key: random() < 0.3 ? null : text(random) }
  return message
}

function asJson(message: Message, event: HeraldEvent): Message {
  const json = encodeEventJson(event as never)
  return {
    ...message,
    value: Buffer.from(JSON.stringify(json)),
    headers: { ...message.headers, 'content-type': Buffer.from('application/json') },
  }
}

const names = ['ce_id', 'ce_source', 'ce_type', 'ce_time', 'ce_subject', 'ce_specversion']
const more = ['content-type', 'traceparent', 'tracestate', 'herald_replay', 'herald_replay_channel']
const traces = ['-é', '-x\r\nx: y', '-日本', '-\0', `-${'x'.repeat(9000)}`, '-ok', '', 'x']

function mutateHeaders(random: Random, { headers }: Message): Record<string, Uint8Array> {
  const name = random() < 0.9 ? pick(random, [...names, ...more]) : text(random) || 'x'
  const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01${pick(random, traces)}`
  const value =
    name === 'traceparent' && random() < 0.8
      ? Buffer.from(trace)
      : random() < 0.2
        ? randomBytes(whole(random, 40))
        : Buffer.from(text(random))
  const changed = { ...headers, [name.slice(0, 200)]: value }
  if (random() < 0.2) delete (changed as Record<string, unknown>)[pick(random, names)]
  return changed
}

function mutateBytes(random: Random, value: Uint8Array): Uint8Array {
  const bytes = Buffer.from(value)
  if (random() < 0.3) return randomBytes(1 + whole(random, 500))
  if (random() < 0.3) return bytes.subarray(0, 1 + whole(random, bytes.length))
  for (let times = 1 + whole(random, 5); times > 0; times -= 1) {
    bytes[whole(random, bytes.length)] = whole(random, 256)
  }
  return bytes
}
