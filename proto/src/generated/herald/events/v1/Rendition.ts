// Original file: herald/events/v1/events.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A file that was made.
 */
export interface Rendition {
  /**
   * Its file name.
   */
  'name'?: (string);
  /**
   * Its media type.
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
   * Width in pixels, of one page.
   */
  'width'?: (number);
  /**
   * Height in pixels, of one page.
   */
  'height'?: (number);
  /**
   * Pages, or frames of an animation; at least 1.
   */
  'pages'?: (number);
  /**
   * A link; anyone who has it can open it.
   */
  'url'?: (string);
  /**
   * A path on the machine FileConverted.host.
   */
  'path'?: (string);
  /**
   * Where it can be fetched.
   */
  'location'?: "url"|"path";
}

/**
 * A file that was made.
 */
export interface Rendition__Output {
  /**
   * Its file name.
   */
  'name': (string);
  /**
   * Its media type.
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
   * Width in pixels, of one page.
   */
  'width': (number);
  /**
   * Height in pixels, of one page.
   */
  'height': (number);
  /**
   * Pages, or frames of an animation; at least 1.
   */
  'pages': (number);
  /**
   * A link; anyone who has it can open it.
   */
  'url'?: (string);
  /**
   * A path on the machine FileConverted.host.
   */
  'path'?: (string);
  /**
   * Where it can be fetched.
   */
  'location'?: "url"|"path";
}
