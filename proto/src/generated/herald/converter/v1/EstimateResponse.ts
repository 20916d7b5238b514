// Original file: herald/converter/v1/converter.proto

import type { Input as _herald_converter_v1_Input, Input__Output as _herald_converter_v1_Input__Output } from '../../../herald/converter/v1/Input.js';
import type { RenditionEstimate as _herald_converter_v1_RenditionEstimate, RenditionEstimate__Output as _herald_converter_v1_RenditionEstimate__Output } from '../../../herald/converter/v1/RenditionEstimate.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What a conversion would cost.
 */
export interface EstimateResponse {
  /**
   * What the file is. `sha256` is empty; `size_bytes` is what the spec announced.
   */
  'input'?: (_herald_converter_v1_Input | null);
  /**
   * Each rendition, in the order asked for.
   */
  'renditions'?: (_herald_converter_v1_RenditionEstimate)[];
  /**
   * Time workers would be at it, in milliseconds.
   */
  'workMs'?: (number | string);
  /**
   * Time it would wait for a worker now, in milliseconds.
   */
  'queueMs'?: (number | string);
  /**
   * The most memory one worker would need, in bytes.
   */
  'memoryBytes'?: (number | string | Long);
  /**
   * The server would take it.
   */
  'fits'?: (boolean);
  /**
   * Why it would not, one of the codes in `proto/src/errors.ts`; empty where it would.
   */
  'errorCode'?: (string);
  /**
   * The same in a sentence for a person.
   */
  'message'?: (string);
  /**
   * What to do about it, one sentence for a person.
   */
  'remedy'?: (string);
}

/**
 * What a conversion would cost.
 */
export interface EstimateResponse__Output {
  /**
   * What the file is. `sha256` is empty; `size_bytes` is what the spec announced.
   */
  'input': (_herald_converter_v1_Input__Output | null);
  /**
   * Each rendition, in the order asked for.
   */
  'renditions': (_herald_converter_v1_RenditionEstimate__Output)[];
  /**
   * Time workers would be at it, in milliseconds.
   */
  'workMs': (number);
  /**
   * Time it would wait for a worker now, in milliseconds.
   */
  'queueMs': (number);
  /**
   * The most memory one worker would need, in bytes.
   */
  'memoryBytes': (number);
  /**
   * The server would take it.
   */
  'fits': (boolean);
  /**
   * Why it would not, one of the codes in `proto/src/errors.ts`; empty where it would.
   */
  'errorCode': (string);
  /**
   * The same in a sentence for a person.
   */
  'message': (string);
  /**
   * What to do about it, one sentence for a person.
   */
  'remedy': (string);
}
