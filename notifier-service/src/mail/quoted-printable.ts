import type { Piece } from './piece.js'

/** RFC 2045 §6.7: at most 76, the soft break's `=` included. */
const maxColumns = 75

/** A piece of a template as it stands when it begins a line. */
interface Quoted {
  readonly bytes: Uint8Array
  /** Columns of its first line. */
  readonly first: number
  /** Those of its last one, where it has another. */
  readonly last: number | undefined
}

/**
 * Text with `\n` between its lines as quoted-printable UTF-8, lines ended by CRLF. A line may be
 * broken between any two pieces: so what a template brings is worked out once for all mails.
 */
export function quotedPrintable(pieces: readonly Piece[]): string {
  let bytes = 0
  let column = 0
  for (const piece of pieces) {
    const text = typeof piece === 'string' ? piece : piece.text
    // As long as it can get: nine bytes for each unit, and the soft breaks.
    if (bytes + text.length * 10 + 6 > out.length) makeRoom(bytes, text.length * 10 + 6)
    if (typeof piece === 'string') {
      if (column > 0 && !fits(piece, column)) {
        bytes = softBreak(bytes)
        column = 0
      }
      bytes = write(piece, bytes, column)
      column = endColumn
      continue
    }
    piece.quoted ??= quote(text, bytes)
    const quoted = piece.quoted as Quoted
    if (column > 0 && column + quoted.first > maxColumns) {
      bytes = softBreak(bytes)
      column = 0
    }
    out.set(quoted.bytes, bytes)
    bytes += quoted.bytes.length
    column = quoted.last ?? column + quoted.first
  }
  return out.toString('latin1', 0, bytes)
}

/** What is being written; one for all, since nothing else runs before it is read. */
let out = Buffer.alloc(64 * 1024)
/** The column in which `write` ended. */
let endColumn = 0

/** `scratch`: from there on `out` may be written to. */
function quote(text: string, scratch: number): Quoted {
  const end = write(text, scratch, 0)
  const bytes = Uint8Array.from(out.subarray(scratch, end))
  const newline = bytes.indexOf(lineFeed)
  if (newline === -1) return { bytes, first: endColumn, last: undefined }
  // What stands before CRLF, or before a soft break's `=`: no other `=` stands at the end of a line.
  const isSoft = bytes[newline - 2] === equals
  return { bytes, first: newline - (isSoft ? 2 : 1), last: endColumn }
}

/** Whether the text up to its first line's end, soft or hard, fits behind `column`. */
function fits(text: string, column: number): boolean {
  let columns = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === lineFeed) return true
    const width = code < 0x80 && isPlain[code] === 1 ? 1 : widthAt(text, at, code)
    // Where it would be broken though it began a line.
    if (columns + width > maxColumns) return true
    columns += width
    if (column + columns > maxColumns) return false
    if (width === 12) at += 1
  }
  return true
}

/** Writes it from `bytes` and `column` on; returns where it ends. */
function write(text: string, from: number, startColumn: number): number {
  const into = out
  let bytes = from
  let column = startColumn
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 0x80 && isPlain[code] === 1 && column < maxColumns) {
      into[bytes++] = code
      column += 1
      continue
    }
    if (code === lineFeed) {
      into[bytes++] = carriageReturn
      into[bytes++] = lineFeed
      column = 0
      continue
    }
    const width = widthAt(text, at, code)
    // What is one character stays on one line.
    if (column + width > maxColumns) {
      bytes = softBreak(bytes)
      column = 0
    }
    column += width
    if (width === 1) into[bytes++] = code
    else if (width === 3) bytes = writeByte(code, bytes)
    else {
      const point = text.codePointAt(at) as number
      if (width === 12) at += 1
      bytes = writeCharacter(point, bytes)
    }
  }
  endColumn = column
  return bytes
}

/** Columns of a character: 12 of one that takes two units of the text. */
function widthAt(text: string, at: number, code: number): 1 | 3 | 6 | 9 | 12 {
  if (code < 0x80) {
    if (isPlain[code] === 1) return 1
    if (code !== 0x20 && code !== 0x09) return 3
    // Blanks at the end of a line get lost on the way, and what comes after a piece is not known.
    return at + 1 === text.length || text.charCodeAt(at + 1) === lineFeed ? 3 : 1
  }
  if (code < 0x800) return 6
  return (text.codePointAt(at) as number) > 0xffff ? 12 : 9
}

/** UTF-8 of what is beyond ASCII. */
function writeCharacter(point: number, from: number): number {
  if (point < 0x800) {
    return writeByte(0x80 | (point & 0x3f), writeByte(0xc0 | (point >> 6), from))
  }
  // Half a pair is no character: it becomes U+FFFD, as wherever text becomes UTF-8.
  const whole = point >= 0xd800 && point < 0xe000 ? 0xfffd : point
  const first =
    whole < 0x10000
      ? writeByte(0xe0 | (whole >> 12), from)
      : writeByte(0x80 | ((whole >> 12) & 0x3f), writeByte(0xf0 | (whole >> 18), from))
  return writeByte(0x80 | (whole & 0x3f), writeByte(0x80 | ((whole >> 6) & 0x3f), first))
}

function writeByte(byte: number, at: number): number {
  out[at] = equals
  out[at + 1] = digits.charCodeAt(byte >> 4)
  out[at + 2] = digits.charCodeAt(byte & 0xf)
  return at + 3
}

function softBreak(at: number): number {
  out[at] = equals
  out[at + 1] = carriageReturn
  out[at + 2] = lineFeed
  return at + 3
}

function makeRoom(used: number, more: number): void {
  const larger = Buffer.alloc(2 * (used + more))
  out.copy(larger, 0, 0, used)
  out = larger
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const equals = 0x3d
const digits = '0123456789ABCDEF'
/** What stands as it is, by its code: `!` to `~` but for `=`. */
const isPlain = Uint8Array.from({ length: 0x80 }, (_, code) =>
  code > 0x20 && code < 0x7f && code !== equals ? 1 : 0,
)
