// Original file: herald/events/v1/events.proto

import type { Notification as _herald_events_v1_Notification, Notification__Output as _herald_events_v1_Notification__Output } from '../../../herald/events/v1/Notification.js';
import type { Long } from '@grpc/proto-loader';

/**
 * The mail about an event was not delivered, or it is not known whether it was, and no
 * further attempt is made.
 * CloudEvents type `herald.notification.failed.v1`, on the topic `notifications.outcomes`.
 */
export interface NotificationFailed {
  /**
   * The mail.
   */
  'notification'?: (_herald_events_v1_Notification | null);
  /**
   * The mail server's last reply, or a sentence if there was none.
   */
  'reason'?: (string);
  /**
   * The number of attempts.
   */
  'attempts'?: (number);
  /**
   * When the first attempt ended, milliseconds since 1970-01-01T00:00:00Z.
   */
  'firstAttemptAtUnixMs'?: (number | string | Long);
  /**
   * When it was given up, milliseconds since 1970-01-01T00:00:00Z.
   */
  'failedAtUnixMs'?: (number | string | Long);
  /**
   * In some attempt the body was sent and no reply came: it may have been delivered. With the
   * policy prefer-loss the event is then not in the dead letters; otherwise it is.
   */
  'possiblyDelivered'?: (boolean);
}

/**
 * The mail about an event was not delivered, or it is not known whether it was, and no
 * further attempt is made.
 * CloudEvents type `herald.notification.failed.v1`, on the topic `notifications.outcomes`.
 */
export interface NotificationFailed__Output {
  /**
   * The mail.
   */
  'notification': (_herald_events_v1_Notification__Output | null);
  /**
   * The mail server's last reply, or a sentence if there was none.
   */
  'reason': (string);
  /**
   * The number of attempts.
   */
  'attempts': (number);
  /**
   * When the first attempt ended, milliseconds since 1970-01-01T00:00:00Z.
   */
  'firstAttemptAtUnixMs': (number);
  /**
   * When it was given up, milliseconds since 1970-01-01T00:00:00Z.
   */
  'failedAtUnixMs': (number);
  /**
   * In some attempt the body was sent and no reply came: it may have been delivered. With the
   * policy prefer-loss the event is then not in the dead letters; otherwise it is.
   */
  'possiblyDelivered': (boolean);
}
