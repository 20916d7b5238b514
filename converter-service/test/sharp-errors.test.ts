import { HeraldError } from '@herald/proto/errors'
import { expect, test } from 'vitest'
import { explainSharpError } from '#src/engines/image/sharp-errors'

// The messages as sharp 0.35 with libvips 8.18 gives them.
const seek = '/tmp/f: bad seek to 28869\n/tmp/f: bad seek to 28841\n'
test.each([
  ['Input image exceeds pixel limit', 'png', 'HERALD_TOO_MANY_PIXELS', /more pixels/],
  [
    'Processed image is too large for the WebP format',
    'png',
    'HERALD_BAD_OPTION',
    /cannot hold a picture this large/,
  ],
  [
    'Input file has corrupt header: svgload: bad dimensions',
    'svg',
    'HERALD_CORRUPT_FILE',
    /SVG file has no size/,
  ],
  [
    'Input file has corrupt header: glib: XML parse error: Opening and ending tag mismatch',
    'svg',
    'HERALD_CORRUPT_FILE',
    /SVG file is not well-formed/,
  ],
  [
    'heif: Unsupported feature: Unsupported codec (4.3000)',
    'avif',
    'HERALD_UNSUPPORTED_FILE',
    /AVIF file uses an encoding/,
  ],
  [
    'pngload_buffer: images do not match between header and load',
    'png',
    'HERALD_CORRUPT_FILE',
    /PNG file is damaged/,
  ],
  [
    'Input file contains unsupported image format',
    'tiff',
    'HERALD_CORRUPT_FILE',
    /TIFF file is damaged, or its end is missing/,
  ],
  [
    'Input file has corrupt header:',
    'png',
    'HERALD_CORRUPT_FILE',
    /PNG file is damaged, or its end is missing/,
  ],
  [
    'Input file has corrupt header: VipsJpeg: premature end of JPEG image\nVipsJpeg: JPEG datastream contains no image',
    'jpeg',
    'HERALD_CORRUPT_FILE',
    /holds no picture, or ends before it/,
  ],
  ['VipsJpeg: premature end of JPEG image', 'jpeg', 'HERALD_CORRUPT_FILE', /JPEG file is cut off/],
  [
    'Input file has corrupt header: gifload: Unexpected end of GIF source data',
    'gif',
    'HERALD_CORRUPT_FILE',
    /GIF file is cut off/,
  ],
  [
    `${seek}heif: Invalid input: Unexpected end of file: Extent in iloc box references data outside of file bounds\n (2.100)`,
    'avif',
    'HERALD_CORRUPT_FILE',
    /AVIF file is cut off/,
  ],
  [
    `${seek}heif: Invalid input: Unspecified: Corrupt frame detected (2.0)`,
    'avif',
    'HERALD_CORRUPT_FILE',
    /AVIF file is damaged\.$/,
  ],
  // Found by the fuzz run: it was reported as an internal error before.
  ['tiff2vips: Using code not yet in table', 'tiff', 'HERALD_CORRUPT_FILE', /TIFF file is damaged/],
  [
    'pngload: images do not match between header and load',
    'png',
    'HERALD_CORRUPT_FILE',
    /PNG file is damaged/,
  ],
  ['vipspng: libpng read error', 'png', 'HERALD_CORRUPT_FILE', /is damaged, or its end is missing/],
  [
    'Input file has corrupt header: webp: unable to parse image',
    'webp',
    'HERALD_CORRUPT_FILE',
    /is damaged, or its end is missing/,
  ],
  ['gifload: Invalid frame data', 'gif', 'HERALD_CORRUPT_FILE', /GIF file is damaged\.$/],
  ['tiff2vips: read error', 'tiff', 'HERALD_CORRUPT_FILE', /TIFF file is damaged\.$/],
])('%j of a %s is %s', (message, format, code, said) => {
  const fault = explainSharpError(new Error(message), format)
  expect(fault).toBeInstanceOf(HeraldError)
  expect(fault).toMatchObject({ code, publicMessage: expect.stringMatching(said) })
  expect(fault?.remedy).toBeTruthy()
  expect(fault?.publicMessage).not.toContain('/tmp')
})

test('an unknown error is not explained', () => {
  expect(explainSharpError(new TypeError('x is not a function'), 'png')).toBeUndefined()
  expect(explainSharpError('thrown text', 'png')).toBeUndefined()
})
