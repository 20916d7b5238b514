/** What a template brings to every letter: the same object each time, so what is made of it is kept. */
export class FixedText {
  readonly text: string
  /** For whoever writes it into mails. */
  quoted: unknown

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

/** A piece of what a letter says: the template's own, or this letter's. */
export type Piece = string | FixedText
