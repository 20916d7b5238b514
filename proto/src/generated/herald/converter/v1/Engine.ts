// Original file: herald/converter/v1/converter.proto


/**
 * A part of the server that handles some formats.
 */
export interface Engine {
  /**
   * Its name: `image`, `pdf`, `document`, ...
   */
  'name'?: (string);
  /**
   * It works here.
   */
  'available'?: (boolean);
  /**
   * Why it does not; else empty.
   */
  'unavailableReason'?: (string);
}

/**
 * A part of the server that handles some formats.
 */
export interface Engine__Output {
  /**
   * Its name: `image`, `pdf`, `document`, ...
   */
  'name': (string);
  /**
   * It works here.
   */
  'available': (boolean);
  /**
   * Why it does not; else empty.
   */
  'unavailableReason': (string);
}
