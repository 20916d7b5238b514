import type {
  NotificationDelivered,
  NotificationDelivered__Output,
} from './generated/herald/events/v1/NotificationDelivered.js'
import type {
  NotificationFailed,
  NotificationFailed__Output,
} from './generated/herald/events/v1/NotificationFailed.js'
import { messageType, strictReader } from './load.js'

export type { NotificationDelivered, NotificationFailed }
export type ReceivedNotificationDelivered = NotificationDelivered__Output
export type ReceivedNotificationFailed = NotificationFailed__Output

const delivered = messageType<NotificationDelivered, NotificationDelivered__Output>(
  'herald.events.v1.NotificationDelivered',
)
const failed = messageType<NotificationFailed, NotificationFailed__Output>(
  'herald.events.v1.NotificationFailed',
)

/** The CloudEvents type of each outcome. */
export const outcomeTypes = {
  delivered: 'herald.notification.delivered.v1',
  failed: 'herald.notification.failed.v1',
} as const

/** The outcome of a mail, to publish. */
export type OutcomeEvent =
  | { type: typeof outcomeTypes.delivered; data: NotificationDelivered }
  | { type: typeof outcomeTypes.failed; data: NotificationFailed }

/** An outcome that was read: every field is present, absent ones at their default. */
export type ReceivedOutcomeEvent =
  | { type: typeof outcomeTypes.delivered; data: ReceivedNotificationDelivered }
  | { type: typeof outcomeTypes.failed; data: ReceivedNotificationFailed }

/** The outcome's data as protobuf. Throws TypeError or RangeError on a value that does not fit. */
export function encodeOutcome(event: OutcomeEvent): Buffer {
  return event.type === outcomeTypes.delivered
    ? delivered.serialize(event.data)
    : failed.serialize(event.data)
}

/**
 * Reads protobuf `data` of the CloudEvents type `type`. Returns undefined for a type that is not
 * that of an outcome; throws if the bytes are not that message.
 */
export function decodeOutcome(type: string, data: Uint8Array): ReceivedOutcomeEvent | undefined {
  const bytes = strictReader(data)
  switch (type) {
    case outcomeTypes.delivered:
      return { type, data: delivered.deserialize(bytes) }
    case outcomeTypes.failed:
      return { type, data: failed.deserialize(bytes) }
    default:
      return undefined
  }
}
