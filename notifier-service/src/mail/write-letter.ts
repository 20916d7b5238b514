import type { ReceivedEvent } from '@herald/broker/message'
import {
  eventTypes,
  type ReceivedConversionFailed,
  type ReceivedFileConverted,
} from '@herald/proto/events'
import { convertedView, nameOf } from './converted-view.js'
import { digestView } from './digest-view.js'
import { failedView } from './failed-view.js'
import { type InlinePicture, type Letter, pictureId } from './letter.js'
import { pictureOf, type Shown } from './pictures.js'
import type { Renderer } from './render.js'
import type { LetterView, View, Voice } from './view.js'
import { shortened } from './visible-text.js'

export type LetterKind = 'converted' | 'failed' | 'digest'

/** Before any template: which letter it is, what it can say, and its pictures. */
export interface Draft {
  readonly kind: LetterKind
  readonly view: LetterView
  readonly pictures: readonly InlinePicture[]
}

/** A strip of previews in a digest: so many, and no more bytes than these. */
const mostPictures = 4
const mostPictureBytes = 96 * 1024

/** At least one event; in whatever order they come, the draft is the same. */
export function draftOf(
  events: readonly ReceivedEvent[],
  voice: Voice,
  withoutPreview: boolean,
): Draft {
  const converted: ReceivedFileConverted[] = []
  const failed: ReceivedConversionFailed[] = []
  for (const { event } of inOrder(events)) {
    if (event.type === eventTypes.fileConverted) converted.push(event.data)
    else failed.push(event.data)
  }
  const [ready, ...others] = converted
  if (ready && others.length === 0 && failed.length === 0) {
    const shown = withoutPreview ? undefined : preview(ready, pictureId, voice)
    return draft('converted', convertedView(ready, voice, shown?.view), shown ? [shown] : [])
  }
  const [wrong] = failed
  if (wrong && events.length === 1) return draft('failed', failedView(wrong, voice), [])
  const strip = withoutPreview ? [] : stripOf(converted, voice)
  const views = strip.map(({ view }) => view)
  return draft('digest', digestView(converted, failed, voice, views), strip)

  function draft(kind: LetterKind, view: LetterView, strip: readonly Shown[]): Draft {
    const { labels: t, locale: lang } = voice.phrases
    return { kind, view: { ...view, lang, t }, pictures: strip.map(({ picture }) => picture) }
  }
}

export function writeLetter({ kind, view, pictures }: Draft, renderer: Renderer): Letter {
  const htmlPieces = renderer.render(`${kind}.html`, view)
  return {
    subject: view.subject,
    // Sections that say nothing leave their empty lines behind.
    text: `${renderer
      .render(`${kind}.txt`, view)
      .join('')
      .replace(/\n{3,}/g, '\n\n')
      .trim()}\n`,
    htmlPieces,
    get html() {
      return htmlPieces.join('')
    },
    attachments: pictures,
    language: String((view as View)['lang']),
  }
}

/** As they happened; ids decide between those of one moment. */
export function inOrder(events: readonly ReceivedEvent[]): ReceivedEvent[] {
  const key = ({ envelope: { time, id, source } }: ReceivedEvent) =>
    `${String(time.getTime()).padStart(16, '0')} ${id}\n${source}`
  return [...events].sort((one, other) => (key(one) < key(other) ? -1 : 1))
}

function preview(event: ReceivedFileConverted, cid: string, voice: Voice): Shown | undefined {
  const name = shortened(nameOf(event, voice), 80)
  return pictureOf(event, cid, voice.phrases.say('previewOf', { name }))
}

function stripOf(converted: readonly ReceivedFileConverted[], voice: Voice): Shown[] {
  const strip: Shown[] = []
  let bytes = 0
  for (const event of converted) {
    if (strip.length === mostPictures) break
    const shown = preview(event, `preview-${strip.length + 1}@herald`, voice)
    if (shown === undefined || bytes + shown.picture.data.length > mostPictureBytes) continue
    bytes += shown.picture.data.length
    strip.push(shown)
  }
  return strip
}
