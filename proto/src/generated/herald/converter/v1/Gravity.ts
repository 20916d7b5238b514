// Original file: herald/converter/v1/converter.proto

/**
 * A part of a picture.
 */
export const Gravity = {
  /**
   * The server's default, which is GRAVITY_CENTRE.
   */
  GRAVITY_UNSPECIFIED: 'GRAVITY_UNSPECIFIED',
  /**
   * The middle.
   */
  GRAVITY_CENTRE: 'GRAVITY_CENTRE',
  /**
   * The upper edge.
   */
  GRAVITY_NORTH: 'GRAVITY_NORTH',
  /**
   * The upper right corner.
   */
  GRAVITY_NORTHEAST: 'GRAVITY_NORTHEAST',
  /**
   * The right edge.
   */
  GRAVITY_EAST: 'GRAVITY_EAST',
  /**
   * The lower right corner.
   */
  GRAVITY_SOUTHEAST: 'GRAVITY_SOUTHEAST',
  /**
   * The lower edge.
   */
  GRAVITY_SOUTH: 'GRAVITY_SOUTH',
  /**
   * The lower left corner.
   */
  GRAVITY_SOUTHWEST: 'GRAVITY_SOUTHWEST',
  /**
   * The left edge.
   */
  GRAVITY_WEST: 'GRAVITY_WEST',
  /**
   * The upper left corner.
   */
  GRAVITY_NORTHWEST: 'GRAVITY_NORTHWEST',
  /**
   * The most salient part: skin, saturated colours, contrast. Only for FIT_COVER.
   */
  GRAVITY_ATTENTION: 'GRAVITY_ATTENTION',
  /**
   * The part with the most detail. Only for FIT_COVER.
   */
  GRAVITY_ENTROPY: 'GRAVITY_ENTROPY',
} as const;

/**
 * A part of a picture.
 */
export type Gravity =
  /**
   * The server's default, which is GRAVITY_CENTRE.
   */
  | 'GRAVITY_UNSPECIFIED'
  | 0
  /**
   * The middle.
   */
  | 'GRAVITY_CENTRE'
  | 1
  /**
   * The upper edge.
   */
  | 'GRAVITY_NORTH'
  | 2
  /**
   * The upper right corner.
   */
  | 'GRAVITY_NORTHEAST'
  | 3
  /**
   * The right edge.
   */
  | 'GRAVITY_EAST'
  | 4
  /**
   * The lower right corner.
   */
  | 'GRAVITY_SOUTHEAST'
  | 5
  /**
   * The lower edge.
   */
  | 'GRAVITY_SOUTH'
  | 6
  /**
   * The lower left corner.
   */
  | 'GRAVITY_SOUTHWEST'
  | 7
  /**
   * The left edge.
   */
  | 'GRAVITY_WEST'
  | 8
  /**
   * The upper left corner.
   */
  | 'GRAVITY_NORTHWEST'
  | 9
  /**
   * The most salient part: skin, saturated colours, contrast. Only for FIT_COVER.
   */
  | 'GRAVITY_ATTENTION'
  | 10
  /**
   * The part with the most detail. Only for FIT_COVER.
   */
  | 'GRAVITY_ENTROPY'
  | 11

/**
 * A part of a picture.
 */
export type Gravity__Output = typeof Gravity[keyof typeof Gravity]
