// Original file: herald/converter/v1/converter.proto

import type { Input as _herald_converter_v1_Input, Input__Output as _herald_converter_v1_Input__Output } from '../../../herald/converter/v1/Input.js';
import type { RenditionEstimate as _herald_converter_v1_RenditionEstimate, RenditionEstimate__Output as _herald_converter_v1_RenditionEstimate__Output } from '../../../herald/converter/v1/RenditionEstimate.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What a conversion would make.
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
   * A rough estimate of the time child processes would need, in milliseconds.
   */
  'workMs'?: (number | string);
  /**
   * No longer predicted: 0.
   * @deprecated
   */
  'queueMs'?: (number | string);
  /**
   * No longer predicted: 0.
   * @deprecated
   */
  'memoryBytes'?: (number | string | Long);
  /**
   * It exceeds no limit on bytes, pixels or pages.
   */
  'fits'?: (boolean);
  /**
   * Which limit it exceeds, one of the codes in `proto/src/errors.ts`; else empty.
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
 * What a conversion would make.
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
   * A rough estimate of the time child processes would need, in milliseconds.
   */
  'workMs': (number);
  /**
   * No longer predicted: 0.
   * @deprecated
   */
  'queueMs': (number);
  /**
   * No longer predicted: 0.
   * @deprecated
   */
  'memoryBytes': (number);
  /**
   * It exceeds no limit on bytes, pixels or pages.
   */
  'fits': (boolean);
  /**
   * Which limit it exceeds, one of the codes in `proto/src/errors.ts`; else empty.
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
