/** What a server said to one command (RFC 5321 §4.2). */
export interface SmtpReply {
  readonly code: number
  /** All its lines, codes included. */
  readonly text: string
}

/** A server that never ends a reply must not fill the memory. */
const maxReplyBytes = 64 * 1024

/** Puts what comes in pieces together to replies. */
export class ReplyReader {
  #pending = ''

  /** The replies that are whole now, in order. Throws RangeError, TypeError where it is no SMTP. */
  read(piece: Buffer): SmtpReply[] {
    // A character is a byte until the reply is whole: a piece may end within one of UTF-8.
    this.#pending += piece.toString('latin1')
    const replies: SmtpReply[] = []
    let from = 0
    for (let at = 0; ; ) {
      const end = this.#pending.indexOf('\n', at)
      if (end < 0) break
      const isLast = at + 3 >= end || this.#pending[at + 3] !== '-'
      at = end + 1
      if (!isLast) continue
      const reply = toReply(this.#pending.slice(from, at))
      if (reply !== undefined) replies.push(reply)
      from = at
    }
    this.#pending = this.#pending.slice(from)
    if (this.#pending.length > maxReplyBytes) throw new RangeError('a reply without an end')
    return replies
  }
}

/** Undefined for an empty line. */
function toReply(bytes: string): SmtpReply | undefined {
  const line = bytes.trim().replaceAll('\r', '')
  if (line === '') return undefined
  const code = Number(line.slice(0, 3))
  if (!(code >= 200 && code <= 599))
    throw new TypeError(`not a reply of SMTP: ${line.slice(0, 80)}`)
  return { code, text: decoded(line) }
}

/** Most servers write UTF-8; what is none stays as it came. */
function decoded(bytes: string): string {
  const text = Buffer.from(bytes, 'latin1').toString()
  return text.includes('\ufffd') ? bytes : text
}
