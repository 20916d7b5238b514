// Original file: herald/converter/v1/converter.proto


/**
 * Asks what this server can do.
 */
export interface ListFormatsRequest {
}

/**
 * Asks what this server can do.
 */
export interface ListFormatsRequest__Output {
}
