// Original file: herald/events/v1/events.proto

import type { SourceFile as _herald_events_v1_SourceFile, SourceFile__Output as _herald_events_v1_SourceFile__Output } from '../../../herald/events/v1/SourceFile.js';
import type { Rendition as _herald_events_v1_Rendition, Rendition__Output as _herald_events_v1_Rendition__Output } from '../../../herald/events/v1/Rendition.js';
import type { Recipient as _herald_events_v1_Recipient, Recipient__Output as _herald_events_v1_Recipient__Output } from '../../../herald/events/v1/Recipient.js';
import type { Preview as _herald_events_v1_Preview, Preview__Output as _herald_events_v1_Preview__Output } from '../../../herald/events/v1/Preview.js';
import type { Long } from '@grpc/proto-loader';

/**
 * A file was converted, and the result is saved.
 * CloudEvents type `herald.file.converted.v1`.
 */
export interface FileConverted {
  /**
   * The conversion, a UUIDv7 in its 36-character form.
   */
  'conversionId'?: (string);
  /**
   * The run, such as one call of the CLI with many files: a UUIDv7.
   */
  'runId'?: (string);
  /**
   * The file that was converted.
   */
  'source'?: (_herald_events_v1_SourceFile | null);
  /**
   * The results; at least one.
   */
  'renditions'?: (_herald_events_v1_Rendition)[];
  /**
   * What the source had and no rendition has: `exif`, `gps`, ...
   */
  'stripped'?: (string)[];
  /**
   * Time the conversion waited for a child process, in milliseconds.
   */
  'queueMs'?: (number | string);
  /**
   * Time child processes spent on it, in milliseconds.
   */
  'conversionMs'?: (number | string);
  /**
   * When the upload began, milliseconds since 1970-01-01T00:00:00Z.
   */
  'startedAtUnixMs'?: (number | string | Long);
  /**
   * When the result was saved, milliseconds since 1970-01-01T00:00:00Z.
   */
  'finishedAtUnixMs'?: (number | string | Long);
  /**
   * Who is notified.
   */
  'recipient'?: (_herald_events_v1_Recipient | null);
  /**
   * A small picture of the first rendition, if one could be made.
   */
  'preview'?: (_herald_events_v1_Preview | null);
  /**
   * The machine that has the renditions which have a path. Empty if all have a link.
   */
  'host'?: (string);
  /**
   * The web page of this conversion; empty if there is none.
   */
  'pageUrl'?: (string);
  /**
   * The number of events of this run for this recipient, so that their digest can be sent
   * when the last has arrived; 0 if it is not known.
   */
  'runSize'?: (number);
}

/**
 * A file was converted, and the result is saved.
 * CloudEvents type `herald.file.converted.v1`.
 */
export interface FileConverted__Output {
  /**
   * The conversion, a UUIDv7 in its 36-character form.
   */
  'conversionId': (string);
  /**
   * The run, such as one call of the CLI with many files: a UUIDv7.
   */
  'runId': (string);
  /**
   * The file that was converted.
   */
  'source': (_herald_events_v1_SourceFile__Output | null);
  /**
   * The results; at least one.
   */
  'renditions': (_herald_events_v1_Rendition__Output)[];
  /**
   * What the source had and no rendition has: `exif`, `gps`, ...
   */
  'stripped': (string)[];
  /**
   * Time the conversion waited for a child process, in milliseconds.
   */
  'queueMs': (number);
  /**
   * Time child processes spent on it, in milliseconds.
   */
  'conversionMs': (number);
  /**
   * When the upload began, milliseconds since 1970-01-01T00:00:00Z.
   */
  'startedAtUnixMs': (number);
  /**
   * When the result was saved, milliseconds since 1970-01-01T00:00:00Z.
   */
  'finishedAtUnixMs': (number);
  /**
   * Who is notified.
   */
  'recipient': (_herald_events_v1_Recipient__Output | null);
  /**
   * A small picture of the first rendition, if one could be made.
   */
  'preview': (_herald_events_v1_Preview__Output | null);
  /**
   * The machine that has the renditions which have a path. Empty if all have a link.
   */
  'host': (string);
  /**
   * The web page of this conversion; empty if there is none.
   */
  'pageUrl': (string);
  /**
   * The number of events of this run for this recipient, so that their digest can be sent
   * when the last has arrived; 0 if it is not known.
   */
  'runSize': (number);
}
