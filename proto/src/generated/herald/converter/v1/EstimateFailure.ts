// Original file: herald/converter/v1/converter.proto


/**
 * Why a file cannot be estimated.
 */
export interface EstimateFailure {
  /**
   * One of the codes in `proto/src/errors.ts`.
   */
  'errorCode'?: (string);
  /**
   * The same in a sentence for a person.
   */
  'message'?: (string);
  /**
   * What to do about it, one sentence for a person; may be empty.
   */
  'remedy'?: (string);
}

/**
 * Why a file cannot be estimated.
 */
export interface EstimateFailure__Output {
  /**
   * One of the codes in `proto/src/errors.ts`.
   */
  'errorCode': (string);
  /**
   * The same in a sentence for a person.
   */
  'message': (string);
  /**
   * What to do about it, one sentence for a person; may be empty.
   */
  'remedy': (string);
}
