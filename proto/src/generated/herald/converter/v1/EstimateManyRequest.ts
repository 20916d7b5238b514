// Original file: herald/converter/v1/converter.proto

import type { ConversionSpec as _herald_converter_v1_ConversionSpec, ConversionSpec__Output as _herald_converter_v1_ConversionSpec__Output } from '../../../herald/converter/v1/ConversionSpec.js';

/**
 * One message from a client that asks for estimates of many files.
 */
export interface EstimateManyRequest {
  /**
   * What would be made of the next file.
   */
  'spec'?: (_herald_converter_v1_ConversionSpec | null);
  /**
   * The next bytes of the file whose spec came last; at most 1 MiB.
   */
  'chunk'?: (Buffer | Uint8Array | string);
  /**
   * Which part of which upload this is.
   */
  'part'?: "spec"|"chunk";
}

/**
 * One message from a client that asks for estimates of many files.
 */
export interface EstimateManyRequest__Output {
  /**
   * What would be made of the next file.
   */
  'spec'?: (_herald_converter_v1_ConversionSpec__Output | null);
  /**
   * The next bytes of the file whose spec came last; at most 1 MiB.
   */
  'chunk'?: (Buffer);
  /**
   * Which part of which upload this is.
   */
  'part'?: "spec"|"chunk";
}
