import { type OutcomeEvent, outcomeTypes } from '@herald/proto'
import { expect, test } from 'vitest'
import {
  fromOutcomeMessage,
  outcomeTopic,
  toOutcomeMessage,
} from '#src/cloud-events/outcome-message'

const envelope = {
  id: 'outcome',
  source: '/herald/notifier',
  time: new Date('2026-01-31T12:00:00Z'),
}
const notification = {
  conversionId: '01934f3a-0000-7000-8000-000000000002',
  runId: 'run',
  eventIds: ['01934f3a-0000-7000-8000-000000000001'],
  recipient: 'ada@example.com',
  messageId: '<one@localhost>',
}
const outcomes: OutcomeEvent[] = [
  {
    type: outcomeTypes.delivered,
    data: { notification, reply: '250 ok', attempts: 2, deliveredAtUnixMs: 1_769_860_800_123 },
  },
  {
    type: outcomeTypes.failed,
    data: { notification, reason: '550 5.1.1 gone', attempts: 1, possiblyDelivered: true },
  },
]

test('outcomes have their own topic, named after that of the events', () => {
  expect(outcomeTopic('notifications')).toBe('notifications.outcomes')
})

test.each(outcomes)('$type is read as it was written, with the conversion as its key', (event) => {
  const message = toOutcomeMessage(envelope, event)
  expect(message.key).toBe(notification.conversionId)
  expect(fromOutcomeMessage(message)).toMatchObject({
    envelope: { ...envelope, type: event.type },
    event,
  })
})

test('an event of another type is ignored, and bytes that are not an outcome are refused', () => {
  const message = toOutcomeMessage(envelope, outcomes[0] as OutcomeEvent)
  const other = { ...message.headers, ce_type: Buffer.from('herald.file.converted.v1') }
  expect(fromOutcomeMessage({ ...message, headers: other })).toBeUndefined()
  expect(() => fromOutcomeMessage({ ...message, value: Uint8Array.of(0xff) })).toThrow(
    'The data is not a valid herald.notification.delivered.v1',
  )
})
