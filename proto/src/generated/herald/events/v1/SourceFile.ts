// Original file: herald/events/v1/events.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The file that was converted.
 */
export interface SourceFile {
  /**
   * Its name as its owner knows it.
   */
  'name'?: (string);
  /**
   * Its media type, detected from its content.
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
 * The file that was converted.
 */
export interface SourceFile__Output {
  /**
   * Its name as its owner knows it.
   */
  'name': (string);
  /**
   * Its media type, detected from its content.
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
