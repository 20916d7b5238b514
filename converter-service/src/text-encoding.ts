import { readFile } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'

/** A label of the WHATWG Encoding Standard, as TextDecoder takes it. */
type Encoding = string

const utf8 = 'utf-8'

/** Other encodings that Windows programs write, the most frequent first. */
const codePages: readonly Encoding[] = ['windows-1252', 'windows-1251', 'windows-1250']

/** Characters 0x80 to 0x9f of windows-1252; five are unassigned. */
const c1Of1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/** Text read in the wrong code page has implausible characters far more often than this. */
const maxImplausibleShare = 0.05

/** Enough to choose a code page. */
const maxBytesCompared = 16 * 1024
const wordLength = 40

/**
 * How a text is encoded: by its byte order mark, else UTF-8, UTF-16 without a mark, or a Windows
 * code page. undefined if no encoding makes plausible text of the bytes. The last character may
 * be cut off.
 */
export function detectEncoding(bytes: Buffer): Encoding | undefined {
  const marked = markedEncoding(bytes)
  if (marked) return marked
  const unmarked = unmarkedUtf16(bytes)
  if (unmarked) return unmarked
  if (decodes(bytes, utf8)) return utf8
  return plausibleCodePage(bytes)
}

/** The characters, without a byte order mark. */
export function decode(bytes: Buffer, encoding: Encoding): string {
  const text = new TextDecoder(encoding).decode(bytes)
  if (encoding !== 'windows-1252') return text
  // Node before 23.7 decodes it as Latin-1: https://github.com/nodejs/node/issues/56542
  return text.replace(/[\x80-\x9f]/g, (char) => c1Of1252[char.charCodeAt(0) - 0x80] ?? char)
}

/** The encoding that an HTML or XHTML file declares, if TextDecoder knows it. */
export function declaredEncoding(bytes: Buffer): Encoding | undefined {
  const head = bytes.toString('latin1', 0, 4096).replace(/<!--[\s\S]*?-->/g, '')
  const label =
    /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w:.-]+)/i.exec(head)?.[1] ??
    /<meta\s[^<>]*charset\s*=\s*["']?\s*([\w:.-]+)/i.exec(head)?.[1]
  if (label === undefined) return undefined
  try {
    const { encoding } = new TextDecoder(label)
    // A file whose ASCII could be read is not in UTF-16: https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding
    return encoding.startsWith('utf-16') ? utf8 : encoding
  } catch {
    return undefined
  }
}

export function markedEncoding(bytes: Buffer): Encoding | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return utf8
  const isUtf32 = bytes[2] === 0 && bytes[3] === 0
  if (bytes[0] === 0xff && bytes[1] === 0xfe && !isUtf32) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return undefined
}

/**
 * Spaces, digits and line ends have a zero byte in UTF-16, which no other text has. Neither has
 * ASCII with zero bytes among it, which read as UTF-16 looks like Chinese.
 */
function unmarkedUtf16(bytes: Buffer): Encoding | undefined {
  const head = bytes.subarray(0, 4096)
  const zeros = [0, 0]
  head.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1
  })
  const [even = 0, odd = 0] = zeros
  const most = Math.max(even, odd)
  if (most < 2 || most * 20 < head.length || hasManyAsciiPairs(head)) return undefined
  if (odd > even * 10) return decodes(bytes, 'utf-16le') ? 'utf-16le' : undefined
  if (even > odd * 10) return decodes(bytes, 'utf-16be') ? 'utf-16be' : undefined
  return undefined
}

/** Whether a quarter of all pairs are two printable ASCII characters, and most of those without a zero byte. */
function hasManyAsciiPairs(bytes: Buffer): boolean {
  let ascii = 0
  let withoutZero = 0
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const pair = bytes.subarray(at, at + 2)
    if (pair.includes(0)) continue
    withoutZero += 1
    // UTF-16 has a few such pairs: the ellipsis is U+2026.
    if (pair.every((byte) => byte >= 0x20 && byte < 0x7f)) ascii += 1
  }
  return ascii * 4 > withoutZero * 3 && ascii * 8 >= bytes.length
}

function decodes(bytes: Buffer, encoding: Encoding): boolean {
  try {
    new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

/**
 * What text that was decoded with the right code page does not contain: control and replacement
 * characters, Latin and Cyrillic in one word, a capital after a small letter, a symbol between
 * letters, three accented Latin letters in a row, a word of accented Latin letters alone. For Shift_JIS
 * and EUC-KR, whose bytes decode to letters too: a symbol or opening mark right after a letter.
 */
const implausible = new RegExp(
  [
    '[\\x7f-\\x9f\\ufffd]',
    '(?=[\\p{sc=Latin}\\p{sc=Cyrillic}]{2})(?:\\p{sc=Latin}\\p{sc=Cyrillic}|\\p{sc=Cyrillic}\\p{sc=Latin})',
    '(?=[^\\x00-\\x7f]|.[^\\x00-\\x7f])\\p{Ll}\\p{Lu}',
    '(?<=\\p{L})[^\\x00-\\x7f\\p{L}\\p{P}\\xa0\\xad]+(?=\\p{L})',
    '(?<=\\p{L})[‚„†‡•¤¦§¬±¶µ°]|(?<=\\p{L})“(?=\\p{L})|±(?=\\p{L})',
    '(?:(?![\\x00-\\x7f])\\p{sc=Latin}){3}',
    '(?<!\\p{L})(?:(?![\\x00-\\x7f])\\p{sc=Latin}){2}(?!\\p{L})',
  ].join('|'),
  'gu',
)

function plausibleCodePage(bytes: Buffer): Encoding | undefined {
  // One pattern for the whole line would take quadratic time.
  const lines = bytes
    .toString('latin1')
    .split('\n')
    .map((line) => ({ line, from: line.search(/[\x80-\xff]/) }))
    .filter(({ from }) => from >= 0)
    .map(({ line, from }) => line.slice(Math.max(0, from - wordLength)))
  const sample = Buffer.from(lines.join('\n').slice(0, maxBytesCompared), 'latin1')
  const beyondAscii = sample.reduce((count, byte) => count + (byte > 0x7f ? 1 : 0), 0)
  const best = [utf8, ...codePages]
    .map((encoding) => {
      const pattern = encoding === utf8 ? /\ufffd/g : implausible
      const count = decode(sample, encoding).match(pattern)?.length ?? 0
      return { encoding, share: count / beyondAscii }
    })
    .reduce((a, b) => (b.share < a.share ? b : a))
  return best.share <= maxImplausibleShare ? best.encoding : undefined
}

/** The characters of a text file. Rejects with HERALD_CORRUPT_FILE. */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path)
  return decode(bytes, textEncoding(bytes))
}

/** Throws HERALD_CORRUPT_FILE: the first bytes were text, but the rest may not be. */
export function textEncoding(bytes: Buffer): Encoding {
  const encoding = detectEncoding(bytes)
  if (encoding !== undefined) return encoding
  throw new HeraldError('HERALD_CORRUPT_FILE', 'The encoding of this text is not recognized.', {
    remedy: 'Save it as UTF-8.',
  })
}
