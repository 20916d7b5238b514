// Original file: herald/jobs/v1/jobs.proto

import type { RenditionSpec as _herald_converter_v1_RenditionSpec, RenditionSpec__Output as _herald_converter_v1_RenditionSpec__Output } from '../../../herald/converter/v1/RenditionSpec.js';
import type { Recipient as _herald_events_v1_Recipient, Recipient__Output as _herald_events_v1_Recipient__Output } from '../../../herald/events/v1/Recipient.js';
import type { Priority as _herald_jobs_v1_Priority, Priority__Output as _herald_jobs_v1_Priority__Output } from '../../../herald/jobs/v1/Priority.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Convert one uploaded file and announce the result. A command: it is for the one consumer group
 * `converters`. CloudEvents type `herald.file.convert.v1`.
 */
export interface ConvertFile {
  /**
   * The job, a UUIDv7 in its 36-character form. It is the conversion id of what is announced.
   */
  'jobId'?: (string);
  /**
   * The run: the files that were submitted together, a UUIDv7.
   */
  'runId'?: (string);
  /**
   * The key of the uploaded file in the blob store.
   */
  'uploadKey'?: (string);
  /**
   * The file's name as its owner knows it. The results are named after it.
   */
  'fileName'?: (string);
  /**
   * The file's size in bytes.
   */
  'sizeBytes'?: (number | string | Long);
  /**
   * The renditions to make, at least one.
   */
  'renditions'?: (_herald_converter_v1_RenditionSpec)[];
  /**
   * Who is notified; one event each.
   */
  'recipients'?: (_herald_events_v1_Recipient)[];
  /**
   * Who submitted it: the jobs that wait are limited for each submitter.
   */
  'submitter'?: (string);
  /**
   * Which of the two topics it is on.
   */
  'priority'?: (_herald_jobs_v1_Priority);
  /**
   * When it was submitted, milliseconds since 1970-01-01T00:00:00Z.
   */
  'submittedAtUnixMs'?: (number | string | Long);
  /**
   * It is not started after that time, milliseconds since 1970-01-01T00:00:00Z.
   */
  'expiresAtUnixMs'?: (number | string | Long);
  /**
   * As FileConverted.run_size.
   */
  'runSize'?: (number);
}

/**
 * Convert one uploaded file and announce the result. A command: it is for the one consumer group
 * `converters`. CloudEvents type `herald.file.convert.v1`.
 */
export interface ConvertFile__Output {
  /**
   * The job, a UUIDv7 in its 36-character form. It is the conversion id of what is announced.
   */
  'jobId': (string);
  /**
   * The run: the files that were submitted together, a UUIDv7.
   */
  'runId': (string);
  /**
   * The key of the uploaded file in the blob store.
   */
  'uploadKey': (string);
  /**
   * The file's name as its owner knows it. The results are named after it.
   */
  'fileName': (string);
  /**
   * The file's size in bytes.
   */
  'sizeBytes': (number);
  /**
   * The renditions to make, at least one.
   */
  'renditions': (_herald_converter_v1_RenditionSpec__Output)[];
  /**
   * Who is notified; one event each.
   */
  'recipients': (_herald_events_v1_Recipient__Output)[];
  /**
   * Who submitted it: the jobs that wait are limited for each submitter.
   */
  'submitter': (string);
  /**
   * Which of the two topics it is on.
   */
  'priority': (_herald_jobs_v1_Priority__Output);
  /**
   * When it was submitted, milliseconds since 1970-01-01T00:00:00Z.
   */
  'submittedAtUnixMs': (number);
  /**
   * It is not started after that time, milliseconds since 1970-01-01T00:00:00Z.
   */
  'expiresAtUnixMs': (number);
  /**
   * As FileConverted.run_size.
   */
  'runSize': (number);
}
