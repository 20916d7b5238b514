// Original file: herald/converter/v1/converter.proto

import type { EstimateResponse as _herald_converter_v1_EstimateResponse, EstimateResponse__Output as _herald_converter_v1_EstimateResponse__Output } from '../../../herald/converter/v1/EstimateResponse.js';
import type { EstimateFailure as _herald_converter_v1_EstimateFailure, EstimateFailure__Output as _herald_converter_v1_EstimateFailure__Output } from '../../../herald/converter/v1/EstimateFailure.js';

/**
 * The answer for one of the files.
 */
export interface EstimateManyResponse {
  /**
   * Which file: the number of its spec in the stream, from 0.
   */
  'index'?: (number);
  /**
   * What Estimate would answer.
   */
  'estimate'?: (_herald_converter_v1_EstimateResponse | null);
  /**
   * What Estimate would fail with.
   */
  'failure'?: (_herald_converter_v1_EstimateFailure | null);
  /**
   * The estimate, or the error.
   */
  'result'?: "estimate"|"failure";
}

/**
 * The answer for one of the files.
 */
export interface EstimateManyResponse__Output {
  /**
   * Which file: the number of its spec in the stream, from 0.
   */
  'index': (number);
  /**
   * What Estimate would answer.
   */
  'estimate'?: (_herald_converter_v1_EstimateResponse__Output | null);
  /**
   * What Estimate would fail with.
   */
  'failure'?: (_herald_converter_v1_EstimateFailure__Output | null);
  /**
   * The estimate, or the error.
   */
  'result'?: "estimate"|"failure";
}
