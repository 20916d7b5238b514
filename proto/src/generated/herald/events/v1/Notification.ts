// Original file: herald/events/v1/events.proto


/**
 * A mail, as its outcome names it.
 */
export interface Notification {
  /**
   * The conversion it tells of; of a mail about several events, that of the first.
   */
  'conversionId'?: (string);
  /**
   * What one person did at once, a UUIDv7; empty where the event named none.
   */
  'runId'?: (string);
  /**
   * The ids of the events it tells of; at least one.
   */
  'eventIds'?: (string)[];
  /**
   * The address it went to, such as `ada@example.com`; empty where the event named none that can be.
   */
  'recipient'?: (string);
  /**
   * Its Message-ID, in angle brackets; of a webhook, the id of the delivery.
   */
  'messageId'?: (string);
  /**
   * The way it went: `mail` or `webhook`. Empty from a notifier of version 0.1: `mail`.
   */
  'channel'?: (string);
}

/**
 * A mail, as its outcome names it.
 */
export interface Notification__Output {
  /**
   * The conversion it tells of; of a mail about several events, that of the first.
   */
  'conversionId': (string);
  /**
   * What one person did at once, a UUIDv7; empty where the event named none.
   */
  'runId': (string);
  /**
   * The ids of the events it tells of; at least one.
   */
  'eventIds': (string)[];
  /**
   * The address it went to, such as `ada@example.com`; empty where the event named none that can be.
   */
  'recipient': (string);
  /**
   * Its Message-ID, in angle brackets; of a webhook, the id of the delivery.
   */
  'messageId': (string);
  /**
   * The way it went: `mail` or `webhook`. Empty from a notifier of version 0.1: `mail`.
   */
  'channel': (string);
}
