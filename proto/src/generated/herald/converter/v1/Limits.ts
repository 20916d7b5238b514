// Original file: herald/converter/v1/converter.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The limits of one conversion on this server.
 */
export interface Limits {
  /**
   * The largest upload, in bytes.
   */
  'maxBytes'?: (number | string | Long);
  /**
   * The most pixels, over all pages that are read, of the input or of a rendition.
   */
  'maxPixels'?: (number | string | Long);
  /**
   * The most pages or frames.
   */
  'maxPages'?: (number);
  /**
   * The longest a worker may be at one conversion, in milliseconds.
   */
  'timeoutMs'?: (number);
  /**
   * The most renditions of one upload.
   */
  'maxRenditions'?: (number);
  /**
   * The most processor time of one conversion, in milliseconds.
   */
  'cpuMs'?: (number);
  /**
   * The most memory of one worker, in bytes.
   */
  'memoryBytes'?: (number | string | Long);
  /**
   * The most bytes of all renditions of one conversion.
   */
  'maxOutputBytes'?: (number | string | Long);
  /**
   * Conversions that are worked on at once; further ones wait. 0: not told.
   */
  'workers'?: (number);
}

/**
 * The limits of one conversion on this server.
 */
export interface Limits__Output {
  /**
   * The largest upload, in bytes.
   */
  'maxBytes': (number);
  /**
   * The most pixels, over all pages that are read, of the input or of a rendition.
   */
  'maxPixels': (number);
  /**
   * The most pages or frames.
   */
  'maxPages': (number);
  /**
   * The longest a worker may be at one conversion, in milliseconds.
   */
  'timeoutMs': (number);
  /**
   * The most renditions of one upload.
   */
  'maxRenditions': (number);
  /**
   * The most processor time of one conversion, in milliseconds.
   */
  'cpuMs': (number);
  /**
   * The most memory of one worker, in bytes.
   */
  'memoryBytes': (number);
  /**
   * The most bytes of all renditions of one conversion.
   */
  'maxOutputBytes': (number);
  /**
   * Conversions that are worked on at once; further ones wait. 0: not told.
   */
  'workers': (number);
}
