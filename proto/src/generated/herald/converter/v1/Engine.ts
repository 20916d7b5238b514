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
   * It can work here.
   */
  'available'?: (boolean);
  /**
   * Why it cannot; empty where it can.
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
   * It can work here.
   */
  'available': (boolean);
  /**
   * Why it cannot; empty where it can.
   */
  'unavailableReason': (string);
}
