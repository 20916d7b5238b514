// Original file: herald/converter/v1/converter.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A finished rendition, sent after its last byte.
 */
export interface RenditionSummary {
  /**
   * Its index in ConversionSpec.renditions, from 0.
   */
  'index'?: (number);
  /**
   * Size in bytes.
   */
  'sizeBytes'?: (number | string | Long);
  /**
   * SHA-256 of its bytes, 64 lower-case hexadecimal digits.
   */
  'sha256'?: (string);
  /**
   * Time a child process spent making it, in milliseconds.
   */
  'conversionMs'?: (number | string);
  /**
   * The encoder and its version: `libwebp 1.6.0`.
   */
  'encoder'?: (string);
  /**
   * The quality that was used, 1 to 100; absent if the format has none.
   */
  'quality'?: (number);
  /**
   * The effort that was used, 0 to 9; absent if the format has none.
   */
  'effort'?: (number);
  /**
   * The page of the source that it shows, from 0; absent if it is not one page of several.
   */
  'page'?: (number);
  '_quality'?: "quality";
  '_effort'?: "effort";
  '_page'?: "page";
}

/**
 * A finished rendition, sent after its last byte.
 */
export interface RenditionSummary__Output {
  /**
   * Its index in ConversionSpec.renditions, from 0.
   */
  'index': (number);
  /**
   * Size in bytes.
   */
  'sizeBytes': (number);
  /**
   * SHA-256 of its bytes, 64 lower-case hexadecimal digits.
   */
  'sha256': (string);
  /**
   * Time a child process spent making it, in milliseconds.
   */
  'conversionMs': (number);
  /**
   * The encoder and its version: `libwebp 1.6.0`.
   */
  'encoder': (string);
  /**
   * The quality that was used, 1 to 100; absent if the format has none.
   */
  'quality'?: (number);
  /**
   * The effort that was used, 0 to 9; absent if the format has none.
   */
  'effort'?: (number);
  /**
   * The page of the source that it shows, from 0; absent if it is not one page of several.
   */
  'page'?: (number);
  '_quality'?: "quality";
  '_effort'?: "effort";
  '_page'?: "page";
}
