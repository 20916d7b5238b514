import type { ReceivedFileConverted } from '@herald/proto/events'
import {
  factsOf,
  format,
  linkOf,
  type Rendition,
  sourceOf,
  strippedIn,
  timesOf,
  whereabouts,
} from './converted-facts.js'
import { change } from './quantities.js'
import { visible } from './visible-text.js'

/** The plain text part: all that the HTML part says but the picture. */
export function convertedText(event: ReceivedFileConverted, sourceName: string): string {
  const source = sourceOf(event)
  const host = visible(event.host)
  const stripped = strippedIn(event)
  return [
    `${sourceName} is ready.`,
    '',
    ...event.renditions.flatMap((each) => [
      visible(each.name),
      `  ${[format(each), ...factsOf(each)].join(', ')}${saving(source.sizeBytes, each.sizeBytes)}`,
      ...whereInText(each, host),
      ...(each.sha256 ? [`  SHA-256: ${visible(each.sha256)}`] : []),
      '',
    ]),
    `From: ${sourceName}`,
    `  ${[format(source), ...factsOf(source)].join(', ')}`,
    ...(source.sha256 ? [`  SHA-256: ${visible(source.sha256)}`] : []),
    '',
    ...(stripped ? [`Left out, for your privacy: ${stripped}.`, ''] : []),
    timesOf(event),
    '',
    '-- ',
    `Sent by Herald. Conversion ${visible(event.conversionId)}`,
    '',
  ].join('\n')
}

function whereInText(rendition: Rendition, host: string): string[] {
  const link = linkOf(rendition)
  if (link) return [`  Fetch it: ${link}`]
  if (!rendition.path) return []
  return [`  It lies ${whereabouts(host)}:`, `  ${visible(rendition.path)}`]
}

function saving(before: number, after: number): string {
  const saved = change(before, after)
  return saved ? ` (${saved})` : ''
}
