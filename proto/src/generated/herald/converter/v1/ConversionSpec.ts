// Original file: herald/converter/v1/converter.proto

import type { RenditionSpec as _herald_converter_v1_RenditionSpec, RenditionSpec__Output as _herald_converter_v1_RenditionSpec__Output } from '../../../herald/converter/v1/RenditionSpec.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What to make of the file that follows.
 */
export interface ConversionSpec {
  /**
   * The file's name as its owner knows it, UTF-8, at most 1,024 bytes. Shown to people,
   * never used as a path, never used to detect the file's type.
   */
  'fileName'?: (string);
  /**
   * The file's size in bytes, when it is known before the upload. A size over the
   * server's limit is refused at once.
   */
  'sizeBytes'?: (number | string | Long);
  /**
   * The renditions to make, 1 to 16.
   */
  'renditions'?: (_herald_converter_v1_RenditionSpec)[];
  /**
   * The conversion's id, a UUIDv7 in its 36-character form, by which logs and events
   * name it. Empty: the server makes one.
   */
  'conversionId'?: (string);
  '_sizeBytes'?: "sizeBytes";
}

/**
 * What to make of the file that follows.
 */
export interface ConversionSpec__Output {
  /**
   * The file's name as its owner knows it, UTF-8, at most 1,024 bytes. Shown to people,
   * never used as a path, never used to detect the file's type.
   */
  'fileName': (string);
  /**
   * The file's size in bytes, when it is known before the upload. A size over the
   * server's limit is refused at once.
   */
  'sizeBytes'?: (number);
  /**
   * The renditions to make, 1 to 16.
   */
  'renditions': (_herald_converter_v1_RenditionSpec__Output)[];
  /**
   * The conversion's id, a UUIDv7 in its 36-character form, by which logs and events
   * name it. Empty: the server makes one.
   */
  'conversionId': (string);
  '_sizeBytes'?: "sizeBytes";
}
