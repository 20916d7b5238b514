// Original file: herald/converter/v1/converter.proto

/**
 * How a picture fits a box.
 */
export const Fit = {
  /**
   * The server's default, which is FIT_INSIDE.
   */
  FIT_UNSPECIFIED: 'FIT_UNSPECIFIED',
  /**
   * As large as fits within the box; the proportions stay.
   */
  FIT_INSIDE: 'FIT_INSIDE',
  /**
   * Fills the box; what stands over is cropped; the proportions stay.
   */
  FIT_COVER: 'FIT_COVER',
  /**
   * Fits within the box, the rest of the box is filled; the proportions stay.
   */
  FIT_CONTAIN: 'FIT_CONTAIN',
  /**
   * Exactly the box; the proportions do not stay.
   */
  FIT_FILL: 'FIT_FILL',
  /**
   * Covers the box at the least, nothing is cropped; the proportions stay.
   */
  FIT_OUTSIDE: 'FIT_OUTSIDE',
} as const;

/**
 * How a picture fits a box.
 */
export type Fit =
  /**
   * The server's default, which is FIT_INSIDE.
   */
  | 'FIT_UNSPECIFIED'
  | 0
  /**
   * As large as fits within the box; the proportions stay.
   */
  | 'FIT_INSIDE'
  | 1
  /**
   * Fills the box; what stands over is cropped; the proportions stay.
   */
  | 'FIT_COVER'
  | 2
  /**
   * Fits within the box, the rest of the box is filled; the proportions stay.
   */
  | 'FIT_CONTAIN'
  | 3
  /**
   * Exactly the box; the proportions do not stay.
   */
  | 'FIT_FILL'
  | 4
  /**
   * Covers the box at the least, nothing is cropped; the proportions stay.
   */
  | 'FIT_OUTSIDE'
  | 5

/**
 * How a picture fits a box.
 */
export type Fit__Output = typeof Fit[keyof typeof Fit]
