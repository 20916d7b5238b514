import type { ReceivedFileConverted } from '@herald/proto/events'
import { change, duration, extent, moment, size } from './quantities.js'
import { visible } from './visible-text.js'

export type Rendition = ReceivedFileConverted['renditions'][number]

/** The file that came in; an event that does not say has an empty one. */
export function sourceOf({ source }: ReceivedFileConverted) {
  return source ?? emptySource
}

const emptySource = {
  name: '',
  mediaType: '',
  sizeBytes: 0,
  sha256: '',
  width: 0,
  height: 0,
  pages: 0,
}

/** The renditions in a few words: `webp, 184 kB (−85 %)`. */
export function inBrief(renditions: readonly Rendition[], before: number): string {
  const [first, ...others] = renditions
  if (!first) return 'nothing to fetch'
  if (others.length === 0) {
    const saved = change(before, first.sizeBytes)
    return `${format(first)}, ${size(first.sizeBytes)}${saved ? ` (${saved})` : ''}`
  }
  if (others.length < 4) {
    return renditions.map((each) => `${format(each)} ${size(each.sizeBytes)}`).join(', ')
  }
  const total = renditions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return `${renditions.length} files, ${size(total)}`
}

/** `image/svg+xml` is `svg` to people. */
export function format({ mediaType }: { mediaType: string }): string {
  const subtype = visible(mediaType).split(';')[0]?.split('/').at(-1) ?? ''
  return subtype.replace(/^x-|\+.*$/g, '') || 'file'
}

/** A link that is one: whoever wrote the event could have put anything there. */
export function linkOf({ location, url }: Rendition): string | undefined {
  if (location !== 'url' || url === undefined || !URL.canParse(url)) return undefined
  return ['http:', 'https:'].includes(new URL(url).protocol) ? url : undefined
}

const strippedNames: Record<string, string> = {
  exif: 'camera data (EXIF)',
  gps: 'the place it was taken (GPS)',
  xmp: 'editing data (XMP)',
  iptc: 'captions and credits (IPTC)',
  icc: 'the colour profile (ICC)',
}

/** What was left out, in words; empty where nothing was. */
export function strippedIn({ stripped }: ReceivedFileConverted): string {
  return stripped.map((each) => strippedNames[each] ?? visible(each)).join(', ')
}

/** Size and extent, as far as they are known. */
export function factsOf(file: { sizeBytes: number; width: number; height: number; pages: number }) {
  return [size(file.sizeBytes), extent(file)].filter((part) => part !== '')
}

/** When it was ready and how long it took, as a sentence. */
export function timesOf(event: ReceivedFileConverted): string {
  const waited = event.queueMs >= 1 ? `, after ${duration(event.queueMs)} in the queue` : ''
  const finished = moment(event.finishedAtUnixMs)
  return `${finished ? `Ready on ${finished}; c` : 'C'}onverted in ${duration(event.conversionMs)}${waited}.`
}

/** Where a path means something. */
export const whereabouts = (host: string) =>
  host ? `on the machine ${host}, where it was converted` : 'on the machine where it was converted'
