// Original file: herald/converter/v1/converter.proto

import type { Input as _herald_converter_v1_Input, Input__Output as _herald_converter_v1_Input__Output } from '../../../herald/converter/v1/Input.js';
import type { Preview as _herald_converter_v1_Preview, Preview__Output as _herald_converter_v1_Preview__Output } from '../../../herald/converter/v1/Preview.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What the input was and what became of it.
 */
export interface ConversionSummary {
  /**
   * The conversion's id.
   */
  'conversionId'?: (string);
  /**
   * What the upload really was.
   */
  'input'?: (_herald_converter_v1_Input | null);
  /**
   * What the input held and no rendition holds any more: `orientation` (applied),
   * `exif`, `gps`, `xmp`, `iptc`, `icc` (converted to sRGB), `pages`; of a PDF also
   * `outline`, `properties` (title, author, ...), `attachments`, `form` (what is filled in
   * stays), `scripts`, `signatures`, `restrictions` (set by its owner).
   */
  'stripped'?: (string)[];
  /**
   * Time the conversion waited for a worker, in milliseconds.
   */
  'queueMs'?: (number | string);
  /**
   * Time in which workers were at it, in milliseconds.
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
   * What `conversion_ms` had been guessed to be.
   */
  'estimatedMs'?: (number | string);
  /**
   * Processor time of the workers, in milliseconds.
   */
  'cpuMs'?: (number | string);
  /**
   * The most memory one worker held, in bytes.
   */
  'peakMemoryBytes'?: (number | string | Long);
}

/**
 * What the input was and what became of it.
 */
export interface ConversionSummary__Output {
  /**
   * The conversion's id.
   */
  'conversionId': (string);
  /**
   * What the upload really was.
   */
  'input': (_herald_converter_v1_Input__Output | null);
  /**
   * What the input held and no rendition holds any more: `orientation` (applied),
   * `exif`, `gps`, `xmp`, `iptc`, `icc` (converted to sRGB), `pages`; of a PDF also
   * `outline`, `properties` (title, author, ...), `attachments`, `form` (what is filled in
   * stays), `scripts`, `signatures`, `restrictions` (set by its owner).
   */
  'stripped': (string)[];
  /**
   * Time the conversion waited for a worker, in milliseconds.
   */
  'queueMs': (number);
  /**
   * Time in which workers were at it, in milliseconds.
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
   * What `conversion_ms` had been guessed to be.
   */
  'estimatedMs': (number);
  /**
   * Processor time of the workers, in milliseconds.
   */
  'cpuMs': (number);
  /**
   * The most memory one worker held, in bytes.
   */
  'peakMemoryBytes': (number);
}
