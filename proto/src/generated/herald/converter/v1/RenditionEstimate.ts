// Original file: herald/converter/v1/converter.proto


/**
 * What one rendition would be.
 */
export interface RenditionEstimate {
  /**
   * Its index in ConversionSpec.renditions, from 0.
   */
  'index'?: (number);
  /**
   * Width in pixels, of one page.
   */
  'width'?: (number);
  /**
   * Height in pixels, of one page.
   */
  'height'?: (number);
  /**
   * Pages in one file; at least 1.
   */
  'pages'?: (number);
  /**
   * Files: with `every_page` the number of pages, else 1.
   */
  'files'?: (number);
  /**
   * A rough estimate of the time a child process would need, in milliseconds.
   */
  'workMs'?: (number | string);
  /**
   * The effort that would be used, 0 to 9; absent if the format has none.
   */
  'effort'?: (number);
  '_effort'?: "effort";
}

/**
 * What one rendition would be.
 */
export interface RenditionEstimate__Output {
  /**
   * Its index in ConversionSpec.renditions, from 0.
   */
  'index': (number);
  /**
   * Width in pixels, of one page.
   */
  'width': (number);
  /**
   * Height in pixels, of one page.
   */
  'height': (number);
  /**
   * Pages in one file; at least 1.
   */
  'pages': (number);
  /**
   * Files: with `every_page` the number of pages, else 1.
   */
  'files': (number);
  /**
   * A rough estimate of the time a child process would need, in milliseconds.
   */
  'workMs': (number);
  /**
   * The effort that would be used, 0 to 9; absent if the format has none.
   */
  'effort'?: (number);
  '_effort'?: "effort";
}
