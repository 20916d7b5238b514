// Original file: herald/jobs/v1/jobs.proto

/**
 * The ways in which a job ends.
 */
export const JobEnding = {
  /**
   * Never sent.
   */
  JOB_ENDING_UNSPECIFIED: 'JOB_ENDING_UNSPECIFIED',
  /**
   * The renditions are in the blob store.
   */
  JOB_ENDING_FINISHED: 'JOB_ENDING_FINISHED',
  /**
   * It cannot be converted, or its worker was killed too often.
   */
  JOB_ENDING_FAILED: 'JOB_ENDING_FAILED',
  /**
   * Somebody cancelled it. Nothing is announced.
   */
  JOB_ENDING_CANCELLED: 'JOB_ENDING_CANCELLED',
  /**
   * It was not started in time.
   */
  JOB_ENDING_EXPIRED: 'JOB_ENDING_EXPIRED',
} as const;

/**
 * The ways in which a job ends.
 */
export type JobEnding =
  /**
   * Never sent.
   */
  | 'JOB_ENDING_UNSPECIFIED'
  | 0
  /**
   * The renditions are in the blob store.
   */
  | 'JOB_ENDING_FINISHED'
  | 1
  /**
   * It cannot be converted, or its worker was killed too often.
   */
  | 'JOB_ENDING_FAILED'
  | 2
  /**
   * Somebody cancelled it. Nothing is announced.
   */
  | 'JOB_ENDING_CANCELLED'
  | 3
  /**
   * It was not started in time.
   */
  | 'JOB_ENDING_EXPIRED'
  | 4

/**
 * The ways in which a job ends.
 */
export type JobEnding__Output = typeof JobEnding[keyof typeof JobEnding]
