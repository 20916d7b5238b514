// Original file: herald/converter/v1/converter.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The client may send the chunks.
 */
export interface Admitted {
  /**
   * The conversion's id: the caller's, or the one made here.
   */
  'conversionId'?: (string);
  /**
   * The largest upload taken, in bytes.
   */
  'maxBytes'?: (number | string | Long);
}

/**
 * The client may send the chunks.
 */
export interface Admitted__Output {
  /**
   * The conversion's id: the caller's, or the one made here.
   */
  'conversionId': (string);
  /**
   * The largest upload taken, in bytes.
   */
  'maxBytes': (number);
}
