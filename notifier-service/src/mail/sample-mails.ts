import type { ReceivedEvent } from '@herald/broker/message'
import {
  decodeEvent,
  encodeEvent,
  eventTypes,
  type FileConverted,
  type HeraldEvent,
} from '@herald/proto/events'

/** A mail to look at, and to check templates with. */
export interface SampleMail {
  readonly name: string
  readonly events: readonly ReceivedEvent[]
}

const at = Date.UTC(2026, 2, 14, 9, 5, 7)
const page = 'https://herald.example/c/0195936c-5b2e-7c4f-9d1a-2f6b8e3a7c10'
const pathIn = '/home/ada/pictures'
/** The first bytes of a picture: no more are read. */
const jpeg = Buffer.from('ffd8ffe0', 'hex')

/** Between them they use every name that a template can use. */
export function sampleMails(preview: Uint8Array = jpeg): SampleMail[] {
  return [
    { name: 'converted', events: [converted('harbour-at-dusk.jpg', preview, 0)] },
    { name: 'converted-page', events: [onPage(preview)] },
    { name: 'converted-pages', events: [manyPages(preview)] },
    { name: 'failed', events: [failed('holiday.heic', 'HERALD_UNSUPPORTED_FILE', 1)] },
    { name: 'failed-page', events: [failed('scan.pdf', 'HERALD_LOCKED_FILE', 2, page)] },
    { name: 'digest', events: run(6, 1, preview) },
    { name: 'digest-many', events: run(46, 4, preview) },
    { name: 'digest-failed', events: run(0, 34, preview) },
  ]
}

function converted(
  name: string,
  preview: Uint8Array,
  index: number,
  changes: Partial<FileConverted> = {},
): ReceivedEvent {
  const sizeBytes = 1_230_456 + index * 123_457
  const stem = name.replace(/\.[^.]*$/, '')
  return received(index, {
    type: eventTypes.fileConverted,
    data: {
      conversionId: conversion(index),
      runId: '0195936c-5b2e-7000-8000-000000000000',
      source: {
        name,
        ...{ mediaType: 'image/jpeg', sizeBytes, sha256: '2c26b46b68ffc68f'.repeat(4) },
        ...{ width: 4032, height: 3024, pages: 1 },
      },
      renditions: [
        {
          name: `${stem}.webp`,
          ...{ mediaType: 'image/webp', sizeBytes: Math.round(sizeBytes * 0.15) },
          ...{ sha256: 'fcde2b2edba56bf4'.repeat(4), width: 1600, height: 1200, pages: 1 },
          path: `${pathIn}/${stem}.webp`,
        },
      ],
      stripped: ['exif', 'gps'],
      queueMs: 38,
      conversionMs: 412,
      startedAtUnixMs: at - 900,
      finishedAtUnixMs: at + index,
      preview: { mediaType: 'image/jpeg', data: Buffer.from(preview), width: 320, height: 202 },
      host: 'workshop',
      ...changes,
    },
  })
}

/** Three renditions, one of them larger, on the web page. */
function onPage(preview: Uint8Array): ReceivedEvent {
  const rendition = (format: string, sizeBytes: number) => ({
    ...{ name: `harbour-at-dusk.${format}`, mediaType: `image/${format}`, sizeBytes },
    ...{ sha256: 'fcde2b2edba56bf4'.repeat(4), width: 1600, height: 1200, pages: 1 },
    url: `${page}/harbour-at-dusk.${format}`,
  })
  return converted('harbour-at-dusk.jpg', preview, 3, {
    renditions: [
      rendition('webp', 184_320),
      rendition('avif', 98_400),
      rendition('png', 3_456_000),
    ],
    pageUrl: page,
    host: '',
  })
}

/** A file for each page of a document. */
function manyPages(preview: Uint8Array): ReceivedEvent {
  return converted('annual-report.pdf', preview, 4, {
    source: {
      ...{ name: 'annual-report.pdf', mediaType: 'application/pdf', sizeBytes: 5_120_000 },
      ...{ sha256: '2c26b46b68ffc68f'.repeat(4), width: 595, height: 842, pages: 48 },
    },
    renditions: Array.from({ length: 48 }, (_, index) => ({
      name: `annual-report-page-${String(index + 1).padStart(2, '0')}.png`,
      ...{ mediaType: 'image/png', sizeBytes: 84_000 + index * 311 },
      ...{ sha256: 'fcde2b2edba56bf4'.repeat(4), width: 1240, height: 1754, pages: 1 },
      url: `${page}/annual-report-page-${index + 1}.png`,
    })),
    stripped: [],
    pageUrl: page,
  })
}

function failed(fileName: string, code: string, index: number, pageUrl = ''): ReceivedEvent {
  return received(index, {
    type: eventTypes.conversionFailed,
    data: {
      conversionId: conversion(index),
      runId: '0195936c-5b2e-7000-8000-000000000000',
      fileName,
      formats: ['webp', 'avif'],
      code,
      message:
        code === 'HERALD_LOCKED_FILE'
          ? 'This PDF is protected by a password.'
          : 'This is an HEIC picture, which this server cannot read.',
      remedy:
        code === 'HERALD_LOCKED_FILE'
          ? 'Save a copy without the password and send that.'
          : 'Export it as JPEG and send it again.',
      failedAtUnixMs: at + index,
      pageUrl,
    },
  })
}

function run(readyCount: number, failedCount: number, preview: Uint8Array): ReceivedEvent[] {
  const places = [
    'harbour',
    'market',
    'old-bridge',
    'lighthouse',
    'ferry',
    'Набережная',
    '港口的傍晚',
  ]
  return [
    ...Array.from({ length: readyCount }, (_, index) =>
      converted(
        `${places[index % places.length]}-${String(index + 1).padStart(3, '0')}.jpg`,
        preview,
        index,
        index % 2 === 0 ? { pageUrl: page } : {},
      ),
    ),
    ...Array.from({ length: failedCount }, (_, index) =>
      failed(`scan-${index + 1}.heic`, 'HERALD_UNSUPPORTED_FILE', readyCount + index, page),
    ),
  ]
}

const conversion = (index: number) => `0195936c-5b2e-7c4f-9d1a-${String(index).padStart(12, '0')}`

function received(index: number, event: HeraldEvent): ReceivedEvent {
  const read = decodeEvent(event.type, encodeEvent(event))
  if (read === undefined) throw new TypeError(`${event.type} is not an event of Herald.`)
  const envelope = { id: conversion(index), source: '/herald/sample', type: event.type }
  return { envelope: { ...envelope, time: new Date(at + index) }, event: read }
}
