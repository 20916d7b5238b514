import { toCommandMessage } from '@herald/broker/convert-command'
import { fromMessage } from '@herald/broker/message'
import {
  decodeConvertFile,
  decodeJobEnded,
  encodeConvertFile,
  encodeJobEnded,
} from '@herald/proto/jobs'
import { v7, validate, version } from 'uuid'
import { expect, test } from 'vitest'
import { announcementOf } from '#src/jobs/announce-job'

const jobId = v7()
const recipients = [{ address: 'ada@example.com' }, { address: 'grace@example.com' }]
const command = decodeConvertFile(encodeConvertFile({ jobId, fileName: 'a.png', recipients }))
const ended = (previewBytes: number) =>
  decodeJobEnded(
    encodeJobEnded({
      ending: 'JOB_ENDING_FINISHED',
      endedAtUnixMs: 1_800_000_000_000,
      resultKeys: ['a'],
      converted: {
        conversionId: jobId,
        renditions: [{ name: 'a.webp' }],
        preview: { mediaType: 'image/jpeg', data: Buffer.alloc(previewBytes, 1) },
      },
    }),
  )

test('a job is announced to each recipient, with the same ids and bytes each time', () => {
  const once = announcementOf({ command, traceparent: undefined }, ended(10))
  expect(announcementOf({ command, traceparent: undefined }, ended(10))).toEqual(once)
  const ids = once.map((message) => fromMessage(message).envelope.id)
  expect(new Set(ids).size).toBe(2)
  for (const id of ids) expect([validate(id), version(id)]).toEqual([true, 7])
  expect(ids.map((id) => id.slice(0, 13))).toEqual([jobId.slice(0, 13), jobId.slice(0, 13)])
  expect(once.map(({ key }) => key)).toEqual(['ada@example.com', 'grace@example.com'])
})

test('an announcement that is too large for a broker has no preview', () => {
  const [message] = announcementOf({ command, traceparent: undefined }, ended(1_100_000))
  expect(message?.value.byteLength).toBeLessThan(1000)
})

test('a cancelled job is not announced', () => {
  const cancelled = decodeJobEnded(encodeJobEnded({ ending: 'JOB_ENDING_CANCELLED' }))
  expect(announcementOf({ command, traceparent: undefined }, cancelled)).toEqual([])
})

test('a command is a CloudEvent whose id and key are the job', () => {
  const message = toCommandMessage({ source: '/test', time: new Date(0) }, { jobId })
  expect(message.key).toBe(jobId)
  const text = (name: string) => Buffer.from(message.headers[name] ?? []).toString()
  expect([text('ce_id'), text('ce_type')]).toEqual([jobId, 'herald.file.convert.v1'])
})
