import { HeraldError } from '@herald/proto/errors'

interface Rule {
  readonly pattern: RegExp
  readonly explain: (format: string, cause: unknown) => HeraldError
}

const damaged = (format: string, what: string, cause: unknown) =>
  new HeraldError('HERALD_CORRUPT_FILE', `This ${format.toUpperCase()} file ${what}.`, {
    remedy: 'Check that it opens in an image viewer; save or download it again.',
    cause,
  })

/**
 * Maps messages of sharp and libvips, which have no error codes, to errors of ours. The first
 * pattern that matches counts.
 */
const rules: readonly Rule[] = [
  {
    pattern: /exceeds pixel limit/i,
    explain: (_format, cause) =>
      new HeraldError(
        'HERALD_TOO_MANY_PIXELS',
        'The picture has more pixels than this server accepts.',
        {
          remedy: 'Make it smaller before uploading it.',
          cause,
        },
      ),
  },
  {
    pattern: /too large for the (\w+) format|width or height exceeds|maximum image size/i,
    explain: (_format, cause) =>
      new HeraldError('HERALD_BAD_OPTION', 'The target format cannot hold a picture this large.', {
        remedy: 'Request a smaller width or height, or another format.',
        cause,
      }),
  },
  {
    pattern: /svgload(_buffer)?: bad dimensions/,
    explain: (_format, cause) =>
      new HeraldError('HERALD_CORRUPT_FILE', 'This SVG file has no size, or a size of zero.', {
        remedy: 'Give its svg element a width and a height, or a viewBox.',
        cause,
      }),
  },
  {
    pattern: /entity amplification|entity reference loop/i,
    explain: (format, cause) => damaged(format, 'expands its entities too often', cause),
  },
  {
    // Definitions in other files are not read.
    pattern: /Entity '.*' not defined/i,
    explain: (format, cause) => damaged(format, 'uses an entity that it does not define', cause),
  },
  {
    pattern: /svg|XML parse error/i,
    explain: (format, cause) => damaged(format, 'is not well-formed', cause),
  },
  {
    pattern: /exceeds channel limit/i,
    explain: (format, cause) =>
      new HeraldError(
        'HERALD_UNSUPPORTED_FILE',
        `This ${format.toUpperCase()} file has more than 5 channels, such as spot colours or masks; this server cannot read them.`,
        { remedy: 'Save it as RGB or CMYK without further channels.', cause },
      ),
  },
  {
    pattern: /unsupported (codec|feature)|compression.*not (supported|configured)|decoder/i,
    explain: (format, cause) =>
      new HeraldError(
        'HERALD_UNSUPPORTED_FILE',
        `This ${format.toUpperCase()} file uses an encoding that is not supported.`,
        { remedy: 'Save it in a common variant of its format, or as PNG.', cause },
      ),
  },
  {
    // The first bytes are right, but what they refer to is missing.
    pattern: /unsupported image format|corrupt header: *$/i,
    explain: (format, cause) => damaged(format, 'is damaged, or its end is missing', cause),
  },
  {
    pattern: /contains no image/,
    explain: (format, cause) => damaged(format, 'holds no picture, or ends before it', cause),
  },
  {
    pattern: /premature end|unexpected end/i,
    explain: (format, cause) => damaged(format, 'is cut off: its end is missing', cause),
  },
  {
    // libpng reports a missing end and a wrong byte alike.
    pattern: /libpng read error|unable to parse image|truncated|end of (file|data)/i,
    explain: (format, cause) => damaged(format, 'is damaged, or its end is missing', cause),
  },
  {
    pattern: /corrupt|invalid|bad |error|unable to|cannot|failed|differs|missing|out of range/i,
    explain: (format, cause) => damaged(format, 'is damaged', cause),
  },
  {
    // An unknown error of a loader: the file is the cause.
    pattern: /^(\w+load(_buffer|_source)?|\w+2vips|vipspng|VipsJpeg|heif): /m,
    explain: (format, cause) => damaged(format, 'is damaged', cause),
  },
]

/** The error for what sharp threw at a file of `format`; undefined if it is unknown. */
export function explainSharpError(error: unknown, format: string): HeraldError | undefined {
  if (error instanceof HeraldError) return error
  if (!(error instanceof Error)) return undefined
  const message = withoutNoise(error.message)
  return rules.find(({ pattern }) => pattern.test(message))?.explain(format, error)
}

/** libheif seeks past the end of every file, which libvips reports with any later error. */
function withoutNoise(message: string): string {
  return message
    .split('\n')
    .filter((line) => !/bad seek to/.test(line) || line.startsWith('Input file'))
    .map((line) => line.replace(/\S*: bad seek to \d+/, ''))
    .join('\n')
}
