// Original file: herald/events/v1/events.proto

import type { Notification as _herald_events_v1_Notification, Notification__Output as _herald_events_v1_Notification__Output } from '../../../herald/events/v1/Notification.js';
import type { Long } from '@grpc/proto-loader';

/**
 * The mail server accepted the mail about an event.
 * CloudEvents type `herald.notification.delivered.v1`, on the topic `notifications.outcomes`.
 */
export interface NotificationDelivered {
  /**
   * The mail.
   */
  'notification'?: (_herald_events_v1_Notification | null);
  /**
   * The mail server's reply to it, such as `250 2.0.0 Ok: queued as 4F2B1`.
   */
  'reply'?: (string);
  /**
   * The number of attempts, the last included.
   */
  'attempts'?: (number);
  /**
   * When the first attempt ended, milliseconds since 1970-01-01T00:00:00Z.
   */
  'firstAttemptAtUnixMs'?: (number | string | Long);
  /**
   * When the mail server accepted it, milliseconds since 1970-01-01T00:00:00Z.
   */
  'deliveredAtUnixMs'?: (number | string | Long);
}

/**
 * The mail server accepted the mail about an event.
 * CloudEvents type `herald.notification.delivered.v1`, on the topic `notifications.outcomes`.
 */
export interface NotificationDelivered__Output {
  /**
   * The mail.
   */
  'notification': (_herald_events_v1_Notification__Output | null);
  /**
   * The mail server's reply to it, such as `250 2.0.0 Ok: queued as 4F2B1`.
   */
  'reply': (string);
  /**
   * The number of attempts, the last included.
   */
  'attempts': (number);
  /**
   * When the first attempt ended, milliseconds since 1970-01-01T00:00:00Z.
   */
  'firstAttemptAtUnixMs': (number);
  /**
   * When the mail server accepted it, milliseconds since 1970-01-01T00:00:00Z.
   */
  'deliveredAtUnixMs': (number);
}
