// Original file: herald/events/v1/events.proto

import type { Recipient as _herald_events_v1_Recipient, Recipient__Output as _herald_events_v1_Recipient__Output } from '../../../herald/events/v1/Recipient.js';
import type { Long } from '@grpc/proto-loader';

/**
 * A file could not be converted.
 * CloudEvents type `herald.conversion.failed.v1`.
 */
export interface ConversionFailed {
  /**
   * The conversion, a UUIDv7 in its 36-character form.
   */
  'conversionId'?: (string);
  /**
   * The run, a UUIDv7.
   */
  'runId'?: (string);
  /**
   * The file's name as its owner knows it.
   */
  'fileName'?: (string);
  /**
   * The requested formats, by name.
   */
  'formats'?: (string)[];
  /**
   * The error's code, one of those in `proto/src/errors.ts`.
   */
  'code'?: (string);
  /**
   * What was wrong, one sentence for a person.
   */
  'message'?: (string);
  /**
   * What to do about it, one sentence for a person; may be empty.
   */
  'remedy'?: (string);
  /**
   * When it failed, milliseconds since 1970-01-01T00:00:00Z.
   */
  'failedAtUnixMs'?: (number | string | Long);
  /**
   * Who is notified.
   */
  'recipient'?: (_herald_events_v1_Recipient | null);
  /**
   * The web page of this conversion; empty if there is none.
   */
  'pageUrl'?: (string);
  /**
   * As FileConverted.run_size.
   */
  'runSize'?: (number);
}

/**
 * A file could not be converted.
 * CloudEvents type `herald.conversion.failed.v1`.
 */
export interface ConversionFailed__Output {
  /**
   * The conversion, a UUIDv7 in its 36-character form.
   */
  'conversionId': (string);
  /**
   * The run, a UUIDv7.
   */
  'runId': (string);
  /**
   * The file's name as its owner knows it.
   */
  'fileName': (string);
  /**
   * The requested formats, by name.
   */
  'formats': (string)[];
  /**
   * The error's code, one of those in `proto/src/errors.ts`.
   */
  'code': (string);
  /**
   * What was wrong, one sentence for a person.
   */
  'message': (string);
  /**
   * What to do about it, one sentence for a person; may be empty.
   */
  'remedy': (string);
  /**
   * When it failed, milliseconds since 1970-01-01T00:00:00Z.
   */
  'failedAtUnixMs': (number);
  /**
   * Who is notified.
   */
  'recipient': (_herald_events_v1_Recipient__Output | null);
  /**
   * The web page of this conversion; empty if there is none.
   */
  'pageUrl': (string);
  /**
   * As FileConverted.run_size.
   */
  'runSize': (number);
}
