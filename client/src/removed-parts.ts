/** What a conversion can remove from a file, by the contract's name, in English. */
export const removedParts: Readonly<Record<string, string>> = {
  orientation: 'orientation (applied)',
  exif: 'camera data (EXIF)',
  gps: 'location (GPS)',
  xmp: 'editing data (XMP)',
  iptc: 'captions and credits (IPTC)',
  icc: 'colour profile (converted to sRGB)',
  pages: 'other pages',
  outline: 'outline',
  properties: 'title, author and other properties',
  attachments: 'attached files',
  form: 'form fields (their content is kept)',
  scripts: 'scripts',
  signatures: 'digital signatures',
  restrictions: 'usage restrictions',
}
