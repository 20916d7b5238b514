// Original file: herald/converter/v1/converter.proto

import type { Admitted as _herald_converter_v1_Admitted, Admitted__Output as _herald_converter_v1_Admitted__Output } from '../../../herald/converter/v1/Admitted.js';
import type { Progress as _herald_converter_v1_Progress, Progress__Output as _herald_converter_v1_Progress__Output } from '../../../herald/converter/v1/Progress.js';
import type { RenditionHeader as _herald_converter_v1_RenditionHeader, RenditionHeader__Output as _herald_converter_v1_RenditionHeader__Output } from '../../../herald/converter/v1/RenditionHeader.js';
import type { RenditionSummary as _herald_converter_v1_RenditionSummary, RenditionSummary__Output as _herald_converter_v1_RenditionSummary__Output } from '../../../herald/converter/v1/RenditionSummary.js';
import type { ConversionSummary as _herald_converter_v1_ConversionSummary, ConversionSummary__Output as _herald_converter_v1_ConversionSummary__Output } from '../../../herald/converter/v1/ConversionSummary.js';

/**
 * One message from the server.
 */
export interface ConvertResponse {
  /**
   * The conversion is admitted: send the chunks.
   */
  'admitted'?: (_herald_converter_v1_Admitted | null);
  /**
   * The progress of the conversion.
   */
  'progress'?: (_herald_converter_v1_Progress | null);
  /**
   * A rendition begins.
   */
  'header'?: (_herald_converter_v1_RenditionHeader | null);
  /**
   * The next bytes of the rendition whose header came last.
   */
  'chunk'?: (Buffer | Uint8Array | string);
  /**
   * The rendition whose header came last is complete.
   */
  'rendition'?: (_herald_converter_v1_RenditionSummary | null);
  /**
   * The conversion is complete. The last message of the stream.
   */
  'summary'?: (_herald_converter_v1_ConversionSummary | null);
  /**
   * Which part of the answer this is.
   */
  'part'?: "admitted"|"progress"|"header"|"chunk"|"rendition"|"summary";
}

/**
 * One message from the server.
 */
export interface ConvertResponse__Output {
  /**
   * The conversion is admitted: send the chunks.
   */
  'admitted'?: (_herald_converter_v1_Admitted__Output | null);
  /**
   * The progress of the conversion.
   */
  'progress'?: (_herald_converter_v1_Progress__Output | null);
  /**
   * A rendition begins.
   */
  'header'?: (_herald_converter_v1_RenditionHeader__Output | null);
  /**
   * The next bytes of the rendition whose header came last.
   */
  'chunk'?: (Buffer);
  /**
   * The rendition whose header came last is complete.
   */
  'rendition'?: (_herald_converter_v1_RenditionSummary__Output | null);
  /**
   * The conversion is complete. The last message of the stream.
   */
  'summary'?: (_herald_converter_v1_ConversionSummary__Output | null);
  /**
   * Which part of the answer this is.
   */
  'part'?: "admitted"|"progress"|"header"|"chunk"|"rendition"|"summary";
}
