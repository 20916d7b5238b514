import type { ReceivedEvent } from '@herald/broker/message'
import {
  eventTypes,
  type ReceivedConversionFailed,
  type ReceivedFileConverted,
} from '@herald/proto/events'
import { convertedView, nameOf } from './converted-view.js'
import { digestView } from './digest-view.js'
import { failedView } from './failed-view.js'
import { type InlinePicture, pictureOf, type ShownPicture } from './pictures.js'
import type { MailView, Wording } from './view.js'
import { shortened } from './visible-text.js'

export type MailKind = 'converted' | 'failed' | 'digest'

/** What the templates are filled in with. */
export interface MailDraft {
  readonly kind: MailKind
  readonly view: MailView
  readonly pictures: readonly InlinePicture[]
}

/** At most so many previews in a digest, and at most so many bytes. */
const maxPictures = 4
const maxPictureBytes = 96 * 1024

/** At least one event; their order does not matter. */
export function draftOf(
  events: readonly ReceivedEvent[],
  wording: Wording,
  withoutPreview: boolean,
): MailDraft {
  const converted: ReceivedFileConverted[] = []
  const failed: ReceivedConversionFailed[] = []
  for (const { event } of inOrder(events)) {
    if (event.type === eventTypes.fileConverted) converted.push(event.data)
    else failed.push(event.data)
  }
  const { labels: t, locale: lang } = wording.phrases
  const draft = (kind: MailKind, view: MailView, shown: readonly ShownPicture[]): MailDraft => ({
    kind,
    // `glance` is the name that `preheader` had in 0.1.0: templates of operators may use it.
    view: { ...view, glance: view.preheader, lang, t },
    pictures: shown.map(({ picture }) => picture),
  })
  const [ready] = converted
  const [failure] = failed
  if (ready && events.length === 1) {
    const preview = withoutPreview ? undefined : previewOf(ready, 'preview@herald', wording)
    return draft(
      'converted',
      convertedView(ready, wording, preview?.view),
      preview ? [preview] : [],
    )
  }
  if (failure && events.length === 1) return draft('failed', failedView(failure, wording), [])
  const previews = withoutPreview ? [] : previewsOf(converted, wording)
  const shown = previews.map(({ view }) => view)
  return draft('digest', digestView(converted, failed, wording, shown), previews)
}

/** As they happened; ids decide between those of one moment. */
export function inOrder(events: readonly ReceivedEvent[]): ReceivedEvent[] {
  const key = ({ envelope: { time, id, source } }: ReceivedEvent) =>
    `${String(time.getTime()).padStart(16, '0')} ${id}\n${source}`
  return [...events].sort((one, other) => (key(one) < key(other) ? -1 : 1))
}

function previewOf(
  event: ReceivedFileConverted,
  cid: string,
  wording: Wording,
): ShownPicture | undefined {
  const name = shortened(nameOf(event, wording), 80)
  return pictureOf(event, cid, wording.phrases.text('previewOf', { name }))
}

function previewsOf(converted: readonly ReceivedFileConverted[], wording: Wording): ShownPicture[] {
  const previews: ShownPicture[] = []
  let bytes = 0
  for (const event of converted) {
    if (previews.length === maxPictures) break
    const shown = previewOf(event, `preview-${previews.length + 1}@herald`, wording)
    if (shown === undefined || bytes + shown.picture.data.length > maxPictureBytes) continue
    bytes += shown.picture.data.length
    previews.push(shown)
  }
  return previews
}
