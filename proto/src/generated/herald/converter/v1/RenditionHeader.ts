// Original file: herald/converter/v1/converter.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A rendition, sent before its bytes.
 */
export interface RenditionHeader {
  /**
   * Its index in ConversionSpec.renditions, from 0.
   */
  'index'?: (number);
  /**
   * The format's name: `webp`, `jpeg`, ...
   */
  'format'?: (string);
  /**
   * Its media type: `image/webp`, ...
   */
  'mediaType'?: (string);
  /**
   * The usual extension of its file name, without the dot: `webp`, `jpg`, ...
   */
  'extension'?: (string);
  /**
   * Width in pixels, of one page.
   */
  'width'?: (number);
  /**
   * Height in pixels, of one page.
   */
  'height'?: (number);
  /**
   * Pages, or frames of an animation; at least 1.
   */
  'pages'?: (number);
  /**
   * Size in bytes.
   */
  'sizeBytes'?: (number | string | Long);
  /**
   * The page of the source that it shows, from 0; absent if it is not one page of several.
   */
  'page'?: (number);
  '_page'?: "page";
}

/**
 * A rendition, sent before its bytes.
 */
export interface RenditionHeader__Output {
  /**
   * Its index in ConversionSpec.renditions, from 0.
   */
  'index': (number);
  /**
   * The format's name: `webp`, `jpeg`, ...
   */
  'format': (string);
  /**
   * Its media type: `image/webp`, ...
   */
  'mediaType': (string);
  /**
   * The usual extension of its file name, without the dot: `webp`, `jpg`, ...
   */
  'extension': (string);
  /**
   * Width in pixels, of one page.
   */
  'width': (number);
  /**
   * Height in pixels, of one page.
   */
  'height': (number);
  /**
   * Pages, or frames of an animation; at least 1.
   */
  'pages': (number);
  /**
   * Size in bytes.
   */
  'sizeBytes': (number);
  /**
   * The page of the source that it shows, from 0; absent if it is not one page of several.
   */
  'page'?: (number);
  '_page'?: "page";
}
