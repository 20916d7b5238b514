// Original file: herald/converter/v1/converter.proto

import type { Fit as _herald_converter_v1_Fit, Fit__Output as _herald_converter_v1_Fit__Output } from '../../../herald/converter/v1/Fit.js';

/**
 * One output file to make from the upload.
 */
export interface RenditionSpec {
  /**
   * The target format's name as ListFormats gives it: `webp`, `jpeg`, ...
   */
  'format'?: (string);
  /**
   * The box's width in pixels, 1 to 65,535. Absent: follows from the height, or stays.
   */
  'width'?: (number);
  /**
   * The box's height in pixels, 1 to 65,535. Absent: follows from the width, or stays.
   */
  'height'?: (number);
  /**
   * How the picture fits a box given by both width and height.
   */
  'fit'?: (_herald_converter_v1_Fit);
  /**
   * The encoder's quality, 1 (smallest) to 100 (best). Absent: the format's default.
   * Without effect on formats that have none, and on `lossless`.
   */
  'quality'?: (number);
  /**
   * Encode without loss. Refused by formats that cannot.
   */
  'lossless'?: (boolean);
  /**
   * Keep the file's descriptive metadata (EXIF, XMP, IPTC). The location is removed in
   * any case.
   */
  'keepMetadata'?: (boolean);
  /**
   * Permit making the picture larger than it is. A drawing (SVG) needs no permission.
   */
  'enlarge'?: (boolean);
  '_width'?: "width";
  '_height'?: "height";
  '_quality'?: "quality";
}

/**
 * One output file to make from the upload.
 */
export interface RenditionSpec__Output {
  /**
   * The target format's name as ListFormats gives it: `webp`, `jpeg`, ...
   */
  'format': (string);
  /**
   * The box's width in pixels, 1 to 65,535. Absent: follows from the height, or stays.
   */
  'width'?: (number);
  /**
   * The box's height in pixels, 1 to 65,535. Absent: follows from the width, or stays.
   */
  'height'?: (number);
  /**
   * How the picture fits a box given by both width and height.
   */
  'fit': (_herald_converter_v1_Fit__Output);
  /**
   * The encoder's quality, 1 (smallest) to 100 (best). Absent: the format's default.
   * Without effect on formats that have none, and on `lossless`.
   */
  'quality'?: (number);
  /**
   * Encode without loss. Refused by formats that cannot.
   */
  'lossless': (boolean);
  /**
   * Keep the file's descriptive metadata (EXIF, XMP, IPTC). The location is removed in
   * any case.
   */
  'keepMetadata': (boolean);
  /**
   * Permit making the picture larger than it is. A drawing (SVG) needs no permission.
   */
  'enlarge': (boolean);
  '_width'?: "width";
  '_height'?: "height";
  '_quality'?: "quality";
}
