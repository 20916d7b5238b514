// Original file: herald/events/v1/events.proto


/**
 * The mail that an outcome is about.
 */
export interface Notification {
  /**
   * The conversion that it is about; of a mail about several events, that of the first.
   */
  'conversionId'?: (string);
  /**
   * The run, a UUIDv7; empty if the event has none.
   */
  'runId'?: (string);
  /**
   * The ids of the events that it is about; at least one.
   */
  'eventIds'?: (string)[];
  /**
   * The recipient's address, such as `ada@example.com`; empty if the event has no valid one.
   */
  'recipient'?: (string);
  /**
   * Its Message-ID, in angle brackets; of a webhook, the id of the delivery.
   */
  'messageId'?: (string);
  /**
   * The channel: `mail` or `webhook`. Empty from a notifier of version 0.1: `mail`.
   */
  'channel'?: (string);
}

/**
 * The mail that an outcome is about.
 */
export interface Notification__Output {
  /**
   * The conversion that it is about; of a mail about several events, that of the first.
   */
  'conversionId': (string);
  /**
   * The run, a UUIDv7; empty if the event has none.
   */
  'runId': (string);
  /**
   * The ids of the events that it is about; at least one.
   */
  'eventIds': (string)[];
  /**
   * The recipient's address, such as `ada@example.com`; empty if the event has no valid one.
   */
  'recipient': (string);
  /**
   * Its Message-ID, in angle brackets; of a webhook, the id of the delivery.
   */
  'messageId': (string);
  /**
   * The channel: `mail` or `webhook`. Empty from a notifier of version 0.1: `mail`.
   */
  'channel': (string);
}
