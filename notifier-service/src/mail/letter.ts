import type { Piece } from './piece.js'

/** A picture within the HTML part. */
export interface InlinePicture {
  /** What the HTML part shows it by: `cid:` and this. */
  readonly cid: string
  readonly mediaType: 'image/jpeg' | 'image/png'
  readonly fileName: string
  readonly data: Uint8Array
}

/** What a mail says, before it is put into an envelope. */
export interface Letter {
  /** One line. */
  readonly subject: string
  readonly text: string
  readonly html: string
  /** The same in pieces, between which a mail may break a line. */
  readonly htmlPieces: readonly Piece[]
  /** Those that the HTML part shows. */
  readonly attachments: readonly InlinePicture[]
  /** What it is written in, a BCP 47 tag. */
  readonly language: string
}

/** The Content-ID of a letter's only picture. */
export const pictureId = 'preview@herald'
