import type { Html } from './html.js'

/** A picture within the HTML part. */
export interface InlinePicture {
  readonly mediaType: 'image/jpeg' | 'image/png'
  readonly fileName: string
  readonly data: Uint8Array
}

/** What a mail says, before it is put into an envelope. */
export interface Letter {
  readonly subject: string
  readonly text: string
  readonly html: Html
  /** Shown where the HTML says `cid:` and `pictureId`. */
  readonly picture: InlinePicture | undefined
}

/** The Content-ID of a letter's picture. */
export const pictureId = 'preview@herald'

/** Changes whenever the same event would give other bytes. */
export const templateVersion = 1
