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
   * As large as fits within the box; keeps the proportions.
   */
  FIT_INSIDE: 'FIT_INSIDE',
  /**
   * Fills the box and is cropped to it; keeps the proportions.
   */
  FIT_COVER: 'FIT_COVER',
  /**
   * Fits within the box, the rest of the box is filled; keeps the proportions.
   */
  FIT_CONTAIN: 'FIT_CONTAIN',
  /**
   * Exactly the box; changes the proportions.
   */
  FIT_FILL: 'FIT_FILL',
  /**
   * As small as covers the box, without cropping; keeps the proportions.
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
   * As large as fits within the box; keeps the proportions.
   */
  | 'FIT_INSIDE'
  | 1
  /**
   * Fills the box and is cropped to it; keeps the proportions.
   */
  | 'FIT_COVER'
  | 2
  /**
   * Fits within the box, the rest of the box is filled; keeps the proportions.
   */
  | 'FIT_CONTAIN'
  | 3
  /**
   * Exactly the box; changes the proportions.
   */
  | 'FIT_FILL'
  | 4
  /**
   * As small as covers the box, without cropping; keeps the proportions.
   */
  | 'FIT_OUTSIDE'
  | 5

/**
 * How a picture fits a box.
 */
export type Fit__Output = typeof Fit[keyof typeof Fit]
