// Original file: herald/converter/v1/converter.proto

import type { Long } from '@grpc/proto-loader';

/**
 * What an upload was, by its content.
 */
export interface Input {
  /**
   * Its format's name: `jpeg`, `png`, `svg`, ...
   */
  'format'?: (string);
  /**
   * Its media type: `image/jpeg`, ...
   */
  'mediaType'?: (string);
  /**
   * Size in bytes.
   */
  'sizeBytes'?: (number | string | Long);
  /**
   * SHA-256 of its bytes, 64 lower-case hexadecimal digits.
   */
  'sha256'?: (string);
  /**
   * Width in pixels, of one page, upright.
   */
  'width'?: (number);
  /**
   * Height in pixels, of one page, upright.
   */
  'height'?: (number);
  /**
   * Pages, or frames of an animation; at least 1.
   */
  'pages'?: (number);
}

/**
 * What an upload was, by its content.
 */
export interface Input__Output {
  /**
   * Its format's name: `jpeg`, `png`, `svg`, ...
   */
  'format': (string);
  /**
   * Its media type: `image/jpeg`, ...
   */
  'mediaType': (string);
  /**
   * Size in bytes.
   */
  'sizeBytes': (number);
  /**
   * SHA-256 of its bytes, 64 lower-case hexadecimal digits.
   */
  'sha256': (string);
  /**
   * Width in pixels, of one page, upright.
   */
  'width': (number);
  /**
   * Height in pixels, of one page, upright.
   */
  'height': (number);
  /**
   * Pages, or frames of an animation; at least 1.
   */
  'pages': (number);
}
