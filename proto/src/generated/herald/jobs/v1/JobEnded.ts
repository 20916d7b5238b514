// Original file: herald/jobs/v1/jobs.proto

import type { JobEnding as _herald_jobs_v1_JobEnding, JobEnding__Output as _herald_jobs_v1_JobEnding__Output } from '../../../herald/jobs/v1/JobEnding.js';
import type { FileConverted as _herald_events_v1_FileConverted, FileConverted__Output as _herald_events_v1_FileConverted__Output } from '../../../herald/events/v1/FileConverted.js';
import type { ConversionFailed as _herald_events_v1_ConversionFailed, ConversionFailed__Output as _herald_events_v1_ConversionFailed__Output } from '../../../herald/events/v1/ConversionFailed.js';
import type { Long } from '@grpc/proto-loader';

/**
 * How a job ended. It is kept in the blob store and never changes.
 */
export interface JobEnded {
  /**
   * How it ended.
   */
  'ending'?: (_herald_jobs_v1_JobEnding);
  /**
   * When, milliseconds since 1970-01-01T00:00:00Z.
   */
  'endedAtUnixMs'?: (number | string | Long);
  /**
   * Of a finished job: what is announced, without a recipient.
   */
  'converted'?: (_herald_events_v1_FileConverted | null);
  /**
   * Of a finished job: the keys of its renditions in the blob store, in their order.
   */
  'resultKeys'?: (string)[];
  /**
   * Of a job that failed or expired: what is announced, without a recipient.
   */
  'failed'?: (_herald_events_v1_ConversionFailed | null);
}

/**
 * How a job ended. It is kept in the blob store and never changes.
 */
export interface JobEnded__Output {
  /**
   * How it ended.
   */
  'ending': (_herald_jobs_v1_JobEnding__Output);
  /**
   * When, milliseconds since 1970-01-01T00:00:00Z.
   */
  'endedAtUnixMs': (number);
  /**
   * Of a finished job: what is announced, without a recipient.
   */
  'converted': (_herald_events_v1_FileConverted__Output | null);
  /**
   * Of a finished job: the keys of its renditions in the blob store, in their order.
   */
  'resultKeys': (string)[];
  /**
   * Of a job that failed or expired: what is announced, without a recipient.
   */
  'failed': (_herald_events_v1_ConversionFailed__Output | null);
}
