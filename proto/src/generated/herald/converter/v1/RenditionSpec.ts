// Original file: herald/converter/v1/converter.proto

import type { Fit as _herald_converter_v1_Fit, Fit__Output as _herald_converter_v1_Fit__Output } from '../../../herald/converter/v1/Fit.js';
import type { Keep as _herald_converter_v1_Keep, Keep__Output as _herald_converter_v1_Keep__Output } from '../../../herald/converter/v1/Keep.js';
import type { Gravity as _herald_converter_v1_Gravity, Gravity__Output as _herald_converter_v1_Gravity__Output } from '../../../herald/converter/v1/Gravity.js';
import type { Long } from '@grpc/proto-loader';

/**
 * One output file to make from the upload.
 */
export interface RenditionSpec {
  /**
   * The target format's name as ListFormats gives it: `webp`, `jpeg`, ...
   */
  'format'?: (string);
  /**
   * The box's width in pixels, 1 to 65,535. Absent: in proportion to the height, else unchanged.
   */
  'width'?: (number);
  /**
   * The box's height in pixels, 1 to 65,535. Absent: in proportion to the width, else unchanged.
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
   * What of the file's metadata to keep. Empty: none of it; colours become sRGB.
   */
  'keep'?: (_herald_converter_v1_Keep)[];
  /**
   * Allow the picture to become larger than it is. A drawing (SVG) always may.
   */
  'enlarge'?: (boolean);
  /**
   * The page, or frame, to read, counted from 0. Absent: all of them if the
   * target format holds several, else the first.
   */
  'page'?: (number);
  /**
   * Make one rendition of each page. Refused together with `page`.
   */
  'everyPage'?: (boolean);
  /**
   * Dots per inch at which a page of a document or PDF is drawn, 18 to 1,200. Ignored if a
   * width or height is given. Absent: 150. Of a picture that becomes a PDF it decides how
   * large the page is; absent: the picture's own.
   */
  'dpi'?: (number);
  /**
   * Which part FIT_COVER keeps, and where FIT_CONTAIN puts the picture.
   */
  'gravity'?: (_herald_converter_v1_Gravity);
  /**
   * Degrees to turn clockwise, 0 to 359, after the file's own orientation was applied.
   */
  'rotate'?: (number);
  /**
   * The colour behind transparent and empty areas, `#rrggbb`. Empty: white if the target
   * format has no transparency, else none.
   */
  'background'?: (string);
  /**
   * The maximum size of the rendition in bytes, at least 1: the best quality that fits is
   * used, `quality` at most. Refused by formats without a quality.
   */
  'maxBytes'?: (number | string | Long);
  /**
   * How hard the encoder tries to save bytes, 0 (fast) to 9 (small). Absent: the format's
   * default. Without effect on formats that have none.
   */
  'effort'?: (number);
  /**
   * Reduce the colours to a palette of at most 256 (PNG; GIF always does).
   */
  'palette'?: (boolean);
  /**
   * Show the tracked changes of a document (Word, OpenDocument, RTF): deleted text is
   * printed, struck out. Absent: they are accepted and do not show. The same for all
   * renditions of a conversion. Without effect on other files.
   */
  'trackedChanges'?: (boolean);
  '_width'?: "width";
  '_height'?: "height";
  '_quality'?: "quality";
  '_page'?: "page";
  '_dpi'?: "dpi";
  '_rotate'?: "rotate";
  '_maxBytes'?: "maxBytes";
  '_effort'?: "effort";
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
   * The box's width in pixels, 1 to 65,535. Absent: in proportion to the height, else unchanged.
   */
  'width'?: (number);
  /**
   * The box's height in pixels, 1 to 65,535. Absent: in proportion to the width, else unchanged.
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
   * What of the file's metadata to keep. Empty: none of it; colours become sRGB.
   */
  'keep': (_herald_converter_v1_Keep__Output)[];
  /**
   * Allow the picture to become larger than it is. A drawing (SVG) always may.
   */
  'enlarge': (boolean);
  /**
   * The page, or frame, to read, counted from 0. Absent: all of them if the
   * target format holds several, else the first.
   */
  'page'?: (number);
  /**
   * Make one rendition of each page. Refused together with `page`.
   */
  'everyPage': (boolean);
  /**
   * Dots per inch at which a page of a document or PDF is drawn, 18 to 1,200. Ignored if a
   * width or height is given. Absent: 150. Of a picture that becomes a PDF it decides how
   * large the page is; absent: the picture's own.
   */
  'dpi'?: (number);
  /**
   * Which part FIT_COVER keeps, and where FIT_CONTAIN puts the picture.
   */
  'gravity': (_herald_converter_v1_Gravity__Output);
  /**
   * Degrees to turn clockwise, 0 to 359, after the file's own orientation was applied.
   */
  'rotate'?: (number);
  /**
   * The colour behind transparent and empty areas, `#rrggbb`. Empty: white if the target
   * format has no transparency, else none.
   */
  'background': (string);
  /**
   * The maximum size of the rendition in bytes, at least 1: the best quality that fits is
   * used, `quality` at most. Refused by formats without a quality.
   */
  'maxBytes'?: (number);
  /**
   * How hard the encoder tries to save bytes, 0 (fast) to 9 (small). Absent: the format's
   * default. Without effect on formats that have none.
   */
  'effort'?: (number);
  /**
   * Reduce the colours to a palette of at most 256 (PNG; GIF always does).
   */
  'palette': (boolean);
  /**
   * Show the tracked changes of a document (Word, OpenDocument, RTF): deleted text is
   * printed, struck out. Absent: they are accepted and do not show. The same for all
   * renditions of a conversion. Without effect on other files.
   */
  'trackedChanges': (boolean);
  '_width'?: "width";
  '_height'?: "height";
  '_quality'?: "quality";
  '_page'?: "page";
  '_dpi'?: "dpi";
  '_rotate'?: "rotate";
  '_maxBytes'?: "maxBytes";
  '_effort'?: "effort";
}
