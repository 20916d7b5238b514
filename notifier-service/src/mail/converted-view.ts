import type { ReceivedFileConverted } from '@herald/proto/events'
import type { PictureView } from './pictures.js'
import type { Change } from './quantities.js'
import { detailsOf, formatName, type MailView, type View, type Wording } from './view.js'
import { shortened, visible, webLink } from './visible-text.js'

type Rendition = ReceivedFileConverted['renditions'][number]

/** Renditions that are listed; of the others, how many there are. */
const maxFiles = 6

/** What `converted.html` and `converted.txt` can use. */
export function convertedView(
  event: ReceivedFileConverted,
  { phrases, quantities }: Wording,
  picture: PictureView | undefined,
): MailView {
  const source = sourceOf(event)
  const sourceName = nameOf(event, { phrases, quantities })
  const name = shortened(sourceName, 80)
  const { renditions } = event
  const after = renditions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  // Of several renditions none replaces the original alone.
  const only = renditions.length === 1 ? renditions[0] : undefined
  const change = only && changeOf(event, only, quantities)
  const shown = renditions.length > maxFiles ? renditions.slice(0, maxFiles - 1) : renditions
  const more = renditions.slice(shown.length)
  const brief = inBrief(event, { phrases, quantities })
  return {
    subject: phrases.text('convertedSubject', { name, brief }),
    preheader: brief,
    heading: phrases.text('convertedHeading', { name }),
    picture: picture ?? null,
    before: {
      size: quantities.size(source.sizeBytes),
      facts: factsLine([formatName(source.mediaType), ...quantities.extent(source)]),
    },
    after: {
      size: quantities.size(after),
      facts: only
        ? factsLine([formatName(only.mediaType), ...quantities.extent(only)])
        : phrases.count('files', renditions.length),
    },
    saving: savingView(change),
    button: buttonOf(event, { phrases, quantities }),
    files: shown.map((each) => fileView(each, event, { phrases, quantities })),
    several: renditions.length > 1,
    more:
      more.length === 0
        ? ''
        : phrases.count('more', more.length, {
            size: quantities.size(more.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
          }),
    details: detailsOf([
      [phrases.text('source'), name === sourceName ? '' : sourceName],
      ...removedRows(event, { phrases, quantities }),
      [phrases.text('readyAt'), quantities.moment(event.finishedAtUnixMs)],
      [phrases.text('took'), timeOf(event, { phrases, quantities })],
      [phrases.text('machine'), visible(event.host, 100)],
      [phrases.text('hashOfSource'), hash(source.sha256), 'code'],
      // If not all files are listed, the page has the checksums of all.
      ...(more.length > 0 ? [] : shown).map(
        (each) =>
          [
            phrases.text('hashOf', { name: visible(each.name, 40) }),
            hash(each.sha256),
            'code',
          ] as const,
      ),
      [phrases.text('conversion'), id(event.conversionId), 'code'],
    ]),
  }
}

/** The renditions in a few words: `WebP, 184 kB (−85%)`. */
function inBrief(event: ReceivedFileConverted, { phrases, quantities }: Wording): string {
  const { renditions } = event
  const { size } = quantities
  const [first, ...others] = renditions
  if (first && others.length === 0) {
    const percent = changeOf(event, first, quantities)?.percent
    return `${formatName(first.mediaType)}, ${size(first.sizeBytes)}${percent ? ` (${percent})` : ''}`
  }
  if (renditions.length < 4) {
    return renditions
      .map((each) => `${formatName(each.mediaType)} ${size(each.sizeBytes)}`)
      .join(', ')
  }
  const total = renditions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return `${phrases.count('files', renditions.length)}, ${size(total)}`
}

/** The file's own name, safe to show. */
export function nameOf(event: ReceivedFileConverted, { phrases }: Wording): string {
  return visible(sourceOf(event).name, 300) || phrases.text('yourFile')
}

type Source = NonNullable<ReceivedFileConverted['source']>

/** The converted file; empty if the event has none. */
export function sourceOf({ source }: ReceivedFileConverted): Source {
  return source ?? emptySource
}

const emptySource = {
  ...{ name: '', mediaType: '', sizeBytes: 0, sha256: '' },
  ...{ width: 0, height: 0, pages: 0 },
}

/** `WebP · 1600 × 1200 px`; a line may break between the facts, not within one. */
export function factsLine(facts: readonly string[]): string {
  return facts
    .filter((fact) => fact !== '')
    .map(nowrap)
    .join(' · ')
}

export function savingView(change: Change | undefined): View | null {
  if (change === undefined) return null
  const { percent, words, smaller, left } = change
  return {
    percent: nowrap(percent),
    words: nowrap(words),
    smaller,
    // No bar if nothing was saved.
    bar: smaller ? { left: String(left), gone: String(100 - left) } : null,
  }
}

function fileView(rendition: Rendition, event: ReceivedFileConverted, wording: Wording): View {
  const { phrases, quantities } = wording
  const { name, mediaType, sizeBytes, location } = rendition
  const link = location === 'url' ? webLink(rendition.url) : ''
  const path = location === 'path' ? visible(rendition.path ?? '', 1000) : ''
  const host = visible(event.host, 100)
  return {
    name: visible(name, 300),
    facts: factsLine([
      formatName(mediaType),
      quantities.size(sizeBytes),
      ...quantities.extent(rendition),
    ]),
    saving: savingView(changeOf(event, rendition, quantities)),
    link: link
      ? { url: link, label: phrases.text('download', { format: formatName(mediaType) }) }
      : null,
    place: path ? placeView(path, host, phrases) : null,
  }
}

function placeView(path: string, host: string, phrases: Wording['phrases']): View {
  const note = host ? phrases.text('place', { host }) : phrases.text('placeUnknown')
  // `said` is the name that `note` had in 0.1.0: templates of operators may use it.
  return { note, said: note, path }
}

/** Undefined if the rendition is only a part of the source: one page of many, a frame of a film. */
export function changeOf(
  event: ReceivedFileConverted,
  { sizeBytes, pages }: Rendition,
  { change }: Wording['quantities'],
): Change | undefined {
  const source = sourceOf(event)
  return pages >= source.pages ? change(source.sizeBytes, sizeBytes) : undefined
}

/** To the page if there is one, else to the file if it is the only one. */
function buttonOf(event: ReceivedFileConverted, { phrases }: Wording): View | null {
  const page = webLink(event.pageUrl)
  if (page) return { url: page, label: phrases.text('open') }
  const [only, ...others] = event.renditions
  const link = only?.location === 'url' && others.length === 0 ? webLink(only.url) : ''
  if (!only || !link) return null
  return { url: link, label: phrases.text('download', { format: formatName(only.mediaType) }) }
}

/** Removed because it may identify a person. */
const privateData = new Set(['exif', 'gps', 'xmp', 'iptc'])

/** What was removed for privacy, and what else was not kept, in words. */
function removedRows(
  { stripped }: ReceivedFileConverted,
  { phrases, quantities }: Wording,
): (readonly [label: string, text: string])[] {
  const shown = stripped.slice(0, 20)
  const list = (names: readonly string[]) =>
    quantities.list(names.map((each) => phrases.removed(each) ?? visible(each, 40)))
  return [
    [phrases.text('removed'), list(shown.filter((each) => privateData.has(each)))],
    [
      // Phrases of operators may lack this label, which no template of theirs uses.
      phrases.labels['notKept'] ?? phrases.text('removed'),
      list(shown.filter((each) => !privateData.has(each))),
    ],
  ]
}

function timeOf(event: ReceivedFileConverted, { phrases, quantities }: Wording): string {
  const duration = quantities.duration(event.conversionMs)
  if (event.queueMs < 1) return duration
  return phrases.text('waited', { duration, wait: quantities.duration(event.queueMs) })
}

export const id = (text: string) => visible(text, 100)

const hash = (text: string) => (/^[0-9a-f]{64}$/.test(text) ? text : '')

/** An amount and its unit stay on one line. */
function nowrap(text: string): string {
  return text.replaceAll(' ', '\u00a0')
}
