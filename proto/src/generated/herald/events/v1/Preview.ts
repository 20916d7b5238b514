// Original file: herald/events/v1/events.proto


/**
 * A small picture to show in the mail.
 */
export interface Preview {
  /**
   * Its media type, `image/jpeg` or `image/png`.
   */
  'mediaType'?: (string);
  /**
   * The picture, at most 24 KiB.
   */
  'data'?: (Buffer | Uint8Array | string);
  /**
   * Width in pixels.
   */
  'width'?: (number);
  /**
   * Height in pixels.
   */
  'height'?: (number);
}

/**
 * A small picture to show in the mail.
 */
export interface Preview__Output {
  /**
   * Its media type, `image/jpeg` or `image/png`.
   */
  'mediaType': (string);
  /**
   * The picture, at most 24 KiB.
   */
  'data': (Buffer);
  /**
   * Width in pixels.
   */
  'width': (number);
  /**
   * Height in pixels.
   */
  'height': (number);
}
