// Original file: herald/converter/v1/converter.proto

import type { Format as _herald_converter_v1_Format, Format__Output as _herald_converter_v1_Format__Output } from '../../../herald/converter/v1/Format.js';
import type { Limits as _herald_converter_v1_Limits, Limits__Output as _herald_converter_v1_Limits__Output } from '../../../herald/converter/v1/Limits.js';
import type { Engine as _herald_converter_v1_Engine, Engine__Output as _herald_converter_v1_Engine__Output } from '../../../herald/converter/v1/Engine.js';

/**
 * What this server can do.
 */
export interface ListFormatsResponse {
  /**
   * The formats it knows, by name.
   */
  'formats'?: (_herald_converter_v1_Format)[];
  /**
   * The limits in force.
   */
  'limits'?: (_herald_converter_v1_Limits | null);
  /**
   * The libraries that do the work, name to version.
   */
  'versions'?: ({[key: string]: string});
  /**
   * The engines, available here or not.
   */
  'engines'?: (_herald_converter_v1_Engine)[];
  /**
   * The measures against hostile files that this server's machine does not allow.
   */
  'missingConfinement'?: (string)[];
}

/**
 * What this server can do.
 */
export interface ListFormatsResponse__Output {
  /**
   * The formats it knows, by name.
   */
  'formats': (_herald_converter_v1_Format__Output)[];
  /**
   * The limits in force.
   */
  'limits': (_herald_converter_v1_Limits__Output | null);
  /**
   * The libraries that do the work, name to version.
   */
  'versions': ({[key: string]: string});
  /**
   * The engines, available here or not.
   */
  'engines': (_herald_converter_v1_Engine__Output)[];
  /**
   * The measures against hostile files that this server's machine does not allow.
   */
  'missingConfinement': (string)[];
}
