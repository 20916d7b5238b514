// Original file: herald/converter/v1/converter.proto

import type { ConversionSpec as _herald_converter_v1_ConversionSpec, ConversionSpec__Output as _herald_converter_v1_ConversionSpec__Output } from '../../../herald/converter/v1/ConversionSpec.js';

/**
 * One message from a client that asks for an estimate.
 */
export interface EstimateRequest {
  /**
   * What to estimate. The first message of the stream, sent once.
   */
  'spec'?: (_herald_converter_v1_ConversionSpec | null);
  /**
   * The next bytes of the file; at most 1 MiB.
   */
  'chunk'?: (Buffer | Uint8Array | string);
  /**
   * Which part of the upload this is.
   */
  'part'?: "spec"|"chunk";
}

/**
 * One message from a client that asks for an estimate.
 */
export interface EstimateRequest__Output {
  /**
   * What to estimate. The first message of the stream, sent once.
   */
  'spec'?: (_herald_converter_v1_ConversionSpec__Output | null);
  /**
   * The next bytes of the file; at most 1 MiB.
   */
  'chunk'?: (Buffer);
  /**
   * Which part of the upload this is.
   */
  'part'?: "spec"|"chunk";
}
