// Original file: herald/events/v1/events.proto


/**
 * Who is notified.
 */
export interface Recipient {
  /**
   * An e-mail address, such as `ada@example.com`. Empty: the notifier's default.
   */
  'address'?: (string);
  /**
   * The language to write in, a BCP 47 tag such as `en`. Empty: the notifier's default.
   */
  'language'?: (string);
}

/**
 * Who is notified.
 */
export interface Recipient__Output {
  /**
   * An e-mail address, such as `ada@example.com`. Empty: the notifier's default.
   */
  'address': (string);
  /**
   * The language to write in, a BCP 47 tag such as `en`. Empty: the notifier's default.
   */
  'language': (string);
}
