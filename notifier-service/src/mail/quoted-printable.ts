/** RFC 2045 §6.7: at most 76, the soft break's `=` included. */
const maxColumns = 75
const softBreak = '=\r\n'

/** A piece of text as it stands when it begins a line. */
interface Encoded {
  readonly text: string
  /** Columns of its first line, and those of its last one where it has several. */
  readonly first: number
  readonly last: number | undefined
}

/**
 * Writes text with `\n` between its lines as quoted-printable UTF-8, lines ended by CRLF. It takes
 * the text in pieces: those of a template are the same in every mail and are encoded once, since a
 * line may be broken between any two.
 */
export class QuotedPrintable {
  readonly #known = new Map<string, Encoded>()

  encode(pieces: readonly string[]): string {
    const lines: string[] = []
    let column = 0
    for (const piece of pieces) {
      const { text, first, last } = this.#encoded(piece)
      if (column + first > maxColumns && column > 0) {
        lines.push(softBreak)
        column = 0
      }
      lines.push(text)
      column = last ?? column + first
    }
    return lines.join('')
  }

  #encoded(piece: string): Encoded {
    const known = this.#known.get(piece)
    if (known !== undefined) return known
    const encoded = encodePiece(piece)
    // What stands as it is, most names and numbers, is as quick to look at again.
    if (encoded.text === piece) return encoded
    if (this.#known.size === mostKnown) this.#known.clear()
    this.#known.set(piece, encoded)
    return encoded
  }
}

const mostKnown = 2000

function encodePiece(piece: string): Encoded {
  if (piece.length <= maxColumns && /^[!-<>-~]*(?: [!-<>-~]+)*$/.test(piece)) {
    return { text: piece, first: piece.length, last: undefined }
  }
  // Joined at the end: one that is added up would be put together anew at every use.
  const text: string[] = []
  let column = 0
  let first: number | undefined
  const characters = [...piece]
  for (const [at, character] of characters.entries()) {
    const shown = character === '\n' ? '' : written(character, characters[at + 1])
    // What is one character stays on one line.
    if (character === '\n' || column + shown.length > maxColumns) {
      text.push(character === '\n' ? '\r\n' : softBreak)
      first ??= column
      column = 0
    }
    text.push(shown)
    column += shown.length
  }
  const last = first === undefined ? undefined : column
  return { text: text.join(''), first: first ?? column, last }
}

/** Blanks at the end of a line get lost on the way, and what comes after a piece is not known. */
function written(character: string, next = '\n'): string {
  const isBlank = character === ' ' || character === '\t'
  if (isBlank ? next !== '\n' : /^[!-<>-~]$/.test(character)) return character
  return Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '=$&')
}
