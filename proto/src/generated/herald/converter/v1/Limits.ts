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
   * The maximum number of pixels, over all pages that are read, of the input or of a rendition.
   */
  'maxPixels'?: (number | string | Long);
  /**
   * The maximum number of pages or frames.
   */
  'maxPages'?: (number);
  /**
   * The maximum time of one conversion, in milliseconds.
   */
  'timeoutMs'?: (number);
  /**
   * The maximum number of renditions of one upload.
   */
  'maxRenditions'?: (number);
  /**
   * The maximum processor time of one conversion, in milliseconds.
   */
  'cpuMs'?: (number);
  /**
   * The maximum memory of one child process, in bytes.
   */
  'memoryBytes'?: (number | string | Long);
  /**
   * The maximum size of all renditions of one conversion, in bytes.
   */
  'maxOutputBytes'?: (number | string | Long);
  /**
   * Conversions that run at once; further ones wait. 0: not reported.
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
   * The maximum number of pixels, over all pages that are read, of the input or of a rendition.
   */
  'maxPixels': (number);
  /**
   * The maximum number of pages or frames.
   */
  'maxPages': (number);
  /**
   * The maximum time of one conversion, in milliseconds.
   */
  'timeoutMs': (number);
  /**
   * The maximum number of renditions of one upload.
   */
  'maxRenditions': (number);
  /**
   * The maximum processor time of one conversion, in milliseconds.
   */
  'cpuMs': (number);
  /**
   * The maximum memory of one child process, in bytes.
   */
  'memoryBytes': (number);
  /**
   * The maximum size of all renditions of one conversion, in bytes.
   */
  'maxOutputBytes': (number);
  /**
   * Conversions that run at once; further ones wait. 0: not reported.
   */
  'workers': (number);
}
