// Original file: herald/jobs/v1/jobs.proto

/**
 * Which jobs are taken first.
 */
export const Priority = {
  /**
   * The same as PRIORITY_NORMAL.
   */
  PRIORITY_UNSPECIFIED: 'PRIORITY_UNSPECIFIED',
  /**
   * The topic `conversions`.
   */
  PRIORITY_NORMAL: 'PRIORITY_NORMAL',
  /**
   * The topic `conversions.high`: before the others, of which at least every fifth is taken.
   */
  PRIORITY_HIGH: 'PRIORITY_HIGH',
} as const;

/**
 * Which jobs are taken first.
 */
export type Priority =
  /**
   * The same as PRIORITY_NORMAL.
   */
  | 'PRIORITY_UNSPECIFIED'
  | 0
  /**
   * The topic `conversions`.
   */
  | 'PRIORITY_NORMAL'
  | 1
  /**
   * The topic `conversions.high`: before the others, of which at least every fifth is taken.
   */
  | 'PRIORITY_HIGH'
  | 2

/**
 * Which jobs are taken first.
 */
export type Priority__Output = typeof Priority[keyof typeof Priority]
