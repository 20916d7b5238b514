// Original file: herald/converter/v1/converter.proto

import type { Input as _herald_converter_v1_Input, Input__Output as _herald_converter_v1_Input__Output } from '../../../herald/converter/v1/Input.js';
import type { Preview as _herald_converter_v1_Preview, Preview__Output as _herald_converter_v1_Preview__Output } from '../../../herald/converter/v1/Preview.js';
import type { Long } from '@grpc/proto-loader';

/**
 * The input and the conversion as a whole.
 */
export interface ConversionSummary {
  /**
   * The conversion's id.
   */
  'conversionId'?: (string);
  /**
   * What the upload was, by its content.
   */
  'input'?: (_herald_converter_v1_Input | null);
  /**
   * What the input had and no rendition has: `orientation` (applied),
   * `exif`, `gps`, `xmp`, `iptc`, `icc` (converted to sRGB), `pages`; of a PDF also
   * `outline`, `properties` (title, author, ...), `attachments`, `form` (its content
   * is kept), `scripts`, `signatures`, `restrictions` (set by its owner).
   */
  'stripped'?: (string)[];
  /**
   * Time the conversion waited for a child process, in milliseconds.
   */
  'queueMs'?: (number | string);
  /**
   * Time that child processes spent on it, in milliseconds.
   */
  'conversionMs'?: (number | string);
  /**
   * The libraries that did the work, name to version.
   */
  'versions'?: ({[key: string]: string});
  /**
   * A small picture of the result, when one could be made.
   */
  'preview'?: (_herald_converter_v1_Preview | null);
  /**
   * The estimate of `conversion_ms`.
   */
  'estimatedMs'?: (number | string);
  /**
   * Processor time of the child processes, in milliseconds.
   */
  'cpuMs'?: (number | string);
  /**
   * The peak memory of one child process, in bytes.
   */
  'peakMemoryBytes'?: (number | string | Long);
}

/**
 * The input and the conversion as a whole.
 */
export interface ConversionSummary__Output {
  /**
   * The conversion's id.
   */
  'conversionId': (string);
  /**
   * What the upload was, by its content.
   */
  'input': (_herald_converter_v1_Input__Output | null);
  /**
   * What the input had and no rendition has: `orientation` (applied),
   * `exif`, `gps`, `xmp`, `iptc`, `icc` (converted to sRGB), `pages`; of a PDF also
   * `outline`, `properties` (title, author, ...), `attachments`, `form` (its content
   * is kept), `scripts`, `signatures`, `restrictions` (set by its owner).
   */
  'stripped': (string)[];
  /**
   * Time the conversion waited for a child process, in milliseconds.
   */
  'queueMs': (number);
  /**
   * Time that child processes spent on it, in milliseconds.
   */
  'conversionMs': (number);
  /**
   * The libraries that did the work, name to version.
   */
  'versions': ({[key: string]: string});
  /**
   * A small picture of the result, when one could be made.
   */
  'preview': (_herald_converter_v1_Preview__Output | null);
  /**
   * The estimate of `conversion_ms`.
   */
  'estimatedMs': (number);
  /**
   * Processor time of the child processes, in milliseconds.
   */
  'cpuMs': (number);
  /**
   * The peak memory of one child process, in bytes.
   */
  'peakMemoryBytes': (number);
}
