import type { ReceivedFileConverted } from '@herald/proto/events'
import type { View } from './view.js'

/** A picture within the HTML part. */
export interface InlinePicture {
  /** The HTML part shows it as `cid:` and this. */
  readonly cid: string
  readonly mediaType: 'image/jpeg' | 'image/png'
  readonly fileName: string
  readonly data: Uint8Array
}

/** A picture of a mail, and what its template needs to show it. */
export interface ShownPicture {
  readonly picture: InlinePicture
  readonly view: PictureView
}

export interface PictureView extends View {
  readonly cid: string
  /** Shown if the reader's program shows no pictures. */
  readonly alt: string
  /** In pixels; empty if unknown. */
  readonly width: string
  readonly height: string
}

const maxBytes = 64 * 1024

/** The event's preview as the picture `cid`; undefined if it has none, or none of PNG or JPEG. */
export function pictureOf(
  { preview }: ReceivedFileConverted,
  cid: string,
  alt: string,
): ShownPicture | undefined {
  if (!preview || preview.data.length === 0 || preview.data.length > maxBytes) return undefined
  const magic = Buffer.from(preview.data.subarray(0, 4)).toString('hex')
  const [mediaType, extension] =
    magic === '89504e47'
      ? (['image/png', 'png'] as const)
      : magic.startsWith('ffd8ff')
        ? (['image/jpeg', 'jpg'] as const)
        : []
  if (mediaType === undefined) return undefined
  const fileName = `${cid.slice(0, cid.indexOf('@'))}.${extension}`
  const known = preview.width > 0 && preview.height > 0
  return {
    picture: { cid, mediaType, fileName, data: preview.data },
    view: {
      cid,
      alt,
      width: known ? String(preview.width) : '',
      height: known ? String(preview.height) : '',
    },
  }
}
