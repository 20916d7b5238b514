// Original file: herald/converter/v1/converter.proto

import type { Long } from '@grpc/proto-loader';

// Original file: herald/converter/v1/converter.proto

/**
 * What a conversion is doing.
 */
export const _herald_converter_v1_Progress_Stage = {
  /**
   * Unknown.
   */
  STAGE_UNSPECIFIED: 'STAGE_UNSPECIFIED',
  /**
   * Bytes are arriving.
   */
  STAGE_UPLOADING: 'STAGE_UPLOADING',
  /**
   * The file has arrived and waits for a free child process.
   */
  STAGE_QUEUED: 'STAGE_QUEUED',
  /**
   * A child process is converting it.
   */
  STAGE_CONVERTING: 'STAGE_CONVERTING',
} as const;

/**
 * What a conversion is doing.
 */
export type _herald_converter_v1_Progress_Stage =
  /**
   * Unknown.
   */
  | 'STAGE_UNSPECIFIED'
  | 0
  /**
   * Bytes are arriving.
   */
  | 'STAGE_UPLOADING'
  | 1
  /**
   * The file has arrived and waits for a free child process.
   */
  | 'STAGE_QUEUED'
  | 2
  /**
   * A child process is converting it.
   */
  | 'STAGE_CONVERTING'
  | 3

/**
 * What a conversion is doing.
 */
export type _herald_converter_v1_Progress_Stage__Output = typeof _herald_converter_v1_Progress_Stage[keyof typeof _herald_converter_v1_Progress_Stage]

/**
 * The progress of a conversion.
 */
export interface Progress {
  /**
   * What the conversion is doing now.
   */
  'stage'?: (_herald_converter_v1_Progress_Stage);
  /**
   * Bytes of the file received so far.
   */
  'receivedBytes'?: (number | string | Long);
  /**
   * Renditions finished so far, 0 to `renditions_total`.
   */
  'renditionsDone'?: (number);
  /**
   * Renditions to make; 0 until the number of pages is known.
   */
  'renditionsTotal'?: (number);
  /**
   * A rough estimate, from the file's header, of the time child processes will need, in
   * milliseconds; 0 until the header has been read.
   */
  'estimatedMs'?: (number | string);
}

/**
 * The progress of a conversion.
 */
export interface Progress__Output {
  /**
   * What the conversion is doing now.
   */
  'stage': (_herald_converter_v1_Progress_Stage__Output);
  /**
   * Bytes of the file received so far.
   */
  'receivedBytes': (number);
  /**
   * Renditions finished so far, 0 to `renditions_total`.
   */
  'renditionsDone': (number);
  /**
   * Renditions to make; 0 until the number of pages is known.
   */
  'renditionsTotal': (number);
  /**
   * A rough estimate, from the file's header, of the time child processes will need, in
   * milliseconds; 0 until the header has been read.
   */
  'estimatedMs': (number);
}
