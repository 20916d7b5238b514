// Original file: herald/events/v1/events.proto

import type { SourceFile as _herald_events_v1_SourceFile, SourceFile__Output as _herald_events_v1_SourceFile__Output } from '../../../herald/events/v1/SourceFile.js';
import type { Rendition as _herald_events_v1_Rendition, Rendition__Output as _herald_events_v1_Rendition__Output } from '../../../herald/events/v1/Rendition.js';
import type { Recipient as _herald_events_v1_Recipient, Recipient__Output as _herald_events_v1_Recipient__Output } from '../../../herald/events/v1/Recipient.js';
import type { Preview as _herald_events_v1_Preview, Preview__Output as _herald_events_v1_Preview__Output } from '../../../herald/events/v1/Preview.js';
import type { Long } from '@grpc/proto-loader';

/**
 * A file was converted, and whoever converted it holds the result.
 * CloudEvents type `herald.file.converted.v1`.
 */
export interface FileConverted {
  /**
   * The conversion, a UUIDv7 in its 36-character form.
   */
  'conversionId'?: (string);
  /**
   * What one person did at once, such as one call of the CLI over many files: a UUIDv7.
   */
  'runId'?: (string);
  /**
   * What came in.
   */
  'source'?: (_herald_events_v1_SourceFile | null);
  /**
   * What went out; at least one.
   */
  'renditions'?: (_herald_events_v1_Rendition)[];
  /**
   * What the source held and no rendition holds any more: `exif`, `gps`, ...
   */
  'stripped'?: (string)[];
  /**
   * Time the conversion waited for a worker, in milliseconds.
   */
  'queueMs'?: (number | string);
  /**
   * Time workers spent on it, in milliseconds.
   */
  'conversionMs'?: (number | string);
  /**
   * When the upload began, milliseconds since 1970-01-01T00:00:00Z.
   */
  'startedAtUnixMs'?: (number | string | Long);
  /**
   * When the result was in its owner's hands, milliseconds since 1970-01-01T00:00:00Z.
   */
  'finishedAtUnixMs'?: (number | string | Long);
  /**
   * Whom to tell.
   */
  'recipient'?: (_herald_events_v1_Recipient | null);
  /**
   * A picture of the first rendition, when one could be made.
   */
  'preview'?: (_herald_events_v1_Preview | null);
  /**
   * The machine on which the path of a rendition without a link means something.
   * Empty where every rendition has a link.
   */
  'host'?: (string);
  /**
   * A page that tells of this conversion, for a person; empty where there is none.
   */
  'pageUrl'?: (string);
  /**
   * How many events of this run its recipient gets in all, so that one digest can tell of
   * them as soon as the last has come; 0 where that is not known.
   */
  'runSize'?: (number);
}

/**
 * A file was converted, and whoever converted it holds the result.
 * CloudEvents type `herald.file.converted.v1`.
 */
export interface FileConverted__Output {
  /**
   * The conversion, a UUIDv7 in its 36-character form.
   */
  'conversionId': (string);
  /**
   * What one person did at once, such as one call of the CLI over many files: a UUIDv7.
   */
  'runId': (string);
  /**
   * What came in.
   */
  'source': (_herald_events_v1_SourceFile__Output | null);
  /**
   * What went out; at least one.
   */
  'renditions': (_herald_events_v1_Rendition__Output)[];
  /**
   * What the source held and no rendition holds any more: `exif`, `gps`, ...
   */
  'stripped': (string)[];
  /**
   * Time the conversion waited for a worker, in milliseconds.
   */
  'queueMs': (number);
  /**
   * Time workers spent on it, in milliseconds.
   */
  'conversionMs': (number);
  /**
   * When the upload began, milliseconds since 1970-01-01T00:00:00Z.
   */
  'startedAtUnixMs': (number);
  /**
   * When the result was in its owner's hands, milliseconds since 1970-01-01T00:00:00Z.
   */
  'finishedAtUnixMs': (number);
  /**
   * Whom to tell.
   */
  'recipient': (_herald_events_v1_Recipient__Output | null);
  /**
   * A picture of the first rendition, when one could be made.
   */
  'preview': (_herald_events_v1_Preview__Output | null);
  /**
   * The machine on which the path of a rendition without a link means something.
   * Empty where every rendition has a link.
   */
  'host': (string);
  /**
   * A page that tells of this conversion, for a person; empty where there is none.
   */
  'pageUrl': (string);
  /**
   * How many events of this run its recipient gets in all, so that one digest can tell of
   * them as soon as the last has come; 0 where that is not known.
   */
  'runSize': (number);
}
