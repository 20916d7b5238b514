// Original file: herald/converter/v1/converter.proto

/**
 * Metadata that a rendition may keep.
 */
export const Keep = {
  /**
   * Refused.
   */
  KEEP_UNSPECIFIED: 'KEEP_UNSPECIFIED',
  /**
   * What describes the picture: EXIF, XMP, IPTC, without the location.
   */
  KEEP_EXIF: 'KEEP_EXIF',
  /**
   * The colour profile: colours stay in it instead of becoming sRGB.
   */
  KEEP_ICC: 'KEEP_ICC',
  /**
   * The location. Implies KEEP_EXIF.
   */
  KEEP_GPS: 'KEEP_GPS',
} as const;

/**
 * Metadata that a rendition may keep.
 */
export type Keep =
  /**
   * Refused.
   */
  | 'KEEP_UNSPECIFIED'
  | 0
  /**
   * What describes the picture: EXIF, XMP, IPTC, without the location.
   */
  | 'KEEP_EXIF'
  | 1
  /**
   * The colour profile: colours stay in it instead of becoming sRGB.
   */
  | 'KEEP_ICC'
  | 2
  /**
   * The location. Implies KEEP_EXIF.
   */
  | 'KEEP_GPS'
  | 3

/**
 * Metadata that a rendition may keep.
 */
export type Keep__Output = typeof Keep[keyof typeof Keep]
