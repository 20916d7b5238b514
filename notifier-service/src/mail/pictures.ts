import type { ReceivedFileConverted } from '@herald/proto/events'
import type { InlinePicture } from './letter.js'
import type { View } from './view.js'

/** A picture as a letter holds it, and as its template shows it. */
export interface Shown {
  readonly picture: InlinePicture
  readonly view: PictureView
}

export interface PictureView extends View {
  readonly cid: string
  /** What stands there where pictures are off. */
  readonly alt: string
  /** In pixels; empty where it is not known. */
  readonly width: string
  readonly height: string
}

const maxBytes = 64 * 1024

/** The event's preview as the picture `cid`, only where its bytes are what they are said to be. */
export function pictureOf(
  { preview }: ReceivedFileConverted,
  cid: string,
  alt: string,
): Shown | undefined {
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
