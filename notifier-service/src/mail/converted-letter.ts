import type { ReceivedFileConverted } from '@herald/proto/events'
import { inBrief, sourceOf } from './converted-facts.js'
import { convertedHtml } from './converted-html.js'
import { convertedText } from './converted-text.js'
import { type InlinePicture, type Letter, pictureId } from './letter.js'
import { shortened, visible } from './visible-text.js'

/** Tells that a file is ready: what came in, what went out, what it saved, where it lies. */
export function convertedLetter(event: ReceivedFileConverted): Letter {
  const source = sourceOf(event)
  const sourceName = visible(source.name) || 'your file'
  const picture = pictureOf(event)
  return {
    subject: `${shortened(sourceName, 80)} is ready: ${inBrief(event.renditions, source.sizeBytes)}`,
    text: convertedText(event, sourceName),
    html: convertedHtml(event, sourceName, picture).markup,
    attachments: picture ? [picture] : [],
    language: 'en',
  }
}

/** A picture only where its bytes are what they are said to be. */
function pictureOf({ preview }: ReceivedFileConverted): InlinePicture | undefined {
  if (!preview || preview.data.length === 0 || preview.data.length > 64 * 1024) return undefined
  const magic = preview.data.subarray(0, 4).toString('hex')
  if (magic === '89504e47') {
    return { cid: pictureId, mediaType: 'image/png', fileName: 'preview.png', data: preview.data }
  }
  if (magic.startsWith('ffd8ff')) {
    return { cid: pictureId, mediaType: 'image/jpeg', fileName: 'preview.jpg', data: preview.data }
  }
  return undefined
}
