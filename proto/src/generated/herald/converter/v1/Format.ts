// Original file: herald/converter/v1/converter.proto


/**
 * A file format and what this server can do with it.
 */
export interface Format {
  /**
   * Its name: `webp`, `jpeg`, ...
   */
  'name'?: (string);
  /**
   * Its media type.
   */
  'mediaType'?: (string);
  /**
   * The extensions of its files, the usual one first, without dots.
   */
  'extensions'?: (string)[];
  /**
   * It can be converted from.
   */
  'readable'?: (boolean);
  /**
   * It can be converted to.
   */
  'writable'?: (boolean);
  /**
   * It takes the option `lossless`.
   */
  'lossless'?: (boolean);
  /**
   * The default quality, 1 to 100; absent if the format has none.
   */
  'defaultQuality'?: (number);
  /**
   * The engine that handles it: `image`, ...
   */
  'engine'?: (string);
  /**
   * Why it can be neither read nor written here; else empty.
   */
  'unavailableReason'?: (string);
  /**
   * It holds several pages or frames.
   */
  'multiPage'?: (boolean);
  '_defaultQuality'?: "defaultQuality";
}

/**
 * A file format and what this server can do with it.
 */
export interface Format__Output {
  /**
   * Its name: `webp`, `jpeg`, ...
   */
  'name': (string);
  /**
   * Its media type.
   */
  'mediaType': (string);
  /**
   * The extensions of its files, the usual one first, without dots.
   */
  'extensions': (string)[];
  /**
   * It can be converted from.
   */
  'readable': (boolean);
  /**
   * It can be converted to.
   */
  'writable': (boolean);
  /**
   * It takes the option `lossless`.
   */
  'lossless': (boolean);
  /**
   * The default quality, 1 to 100; absent if the format has none.
   */
  'defaultQuality'?: (number);
  /**
   * The engine that handles it: `image`, ...
   */
  'engine': (string);
  /**
   * Why it can be neither read nor written here; else empty.
   */
  'unavailableReason': (string);
  /**
   * It holds several pages or frames.
   */
  'multiPage': (boolean);
  '_defaultQuality'?: "defaultQuality";
}
