// Original file: herald/converter/v1/converter.proto

import type { ConversionSpec as _herald_converter_v1_ConversionSpec, ConversionSpec__Output as _herald_converter_v1_ConversionSpec__Output } from '../../../herald/converter/v1/ConversionSpec.js';

/**
 * One message from the client: the spec first and once, then chunks.
 */
export interface ConvertRequest {
  /**
   * What to make of the file. The first message of the stream, sent once.
   */
  'spec'?: (_herald_converter_v1_ConversionSpec | null);
  /**
   * The next bytes of the file; at most 1 MiB, 256 KiB is fastest.
   */
  'chunk'?: (Buffer | Uint8Array | string);
  /**
   * Which part of the upload this is.
   */
  'part'?: "spec"|"chunk";
}

/**
 * One message from the client: the spec first and once, then chunks.
 */
export interface ConvertRequest__Output {
  /**
   * What to make of the file. The first message of the stream, sent once.
   */
  'spec'?: (_herald_converter_v1_ConversionSpec__Output | null);
  /**
   * The next bytes of the file; at most 1 MiB, 256 KiB is fastest.
   */
  'chunk'?: (Buffer);
  /**
   * Which part of the upload this is.
   */
  'part'?: "spec"|"chunk";
}
