import { hostname } from 'node:os'
import { type Message, maxMessageBytes } from '@herald/broker'
import { messageBytes } from '@herald/broker/check-request'
import { toMessage } from '@herald/broker/message'
import type { ReceivedConversionSummary } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { eventTypes, type HeraldEvent } from '@herald/proto/events'
import { humanBytes } from '@herald/runtime/terminal-text'
import { v7 as uuidv7 } from 'uuid'
import type { SavedRendition } from './convert-and-announce.js'

/** Who announces, for what, to whom. */
export interface AnnouncementFrame {
  readonly conversionId: string
  /** What one person did at once. */
  readonly runId: string
  /** `ce_source`. */
  readonly source: string
  readonly traceparent: string
  /** One event each: e-mail addresses, or '' for the notifier's default. None: nothing is announced. */
  readonly recipients: readonly string[]
  /** BCP 47; empty: the notifier's default. */
  readonly language: string
  /** Events of this run that each recipient is to get in all; absent: not known. */
  readonly runSize?: number
  /** A page that tells of the conversion; absent: there is none. */
  readonly pageUrl?: string
  /** A link that anyone who holds it can open, to a rendition of that name; absent: told by its path. */
  linkTo?(name: string): string
}

/** One event and its message. */
export interface Announced {
  readonly id: string
  /** Empty: the notifier's default. */
  readonly recipient: string
  readonly message: Message
}

export interface ConvertedFacts {
  readonly fileName: string
  readonly summary: ReceivedConversionSummary
  readonly renditions: readonly SavedRendition[]
  readonly startedAt: Date
  readonly finishedAt: Date
}

/**
 * One FileConverted for each recipient, without the small picture if it would be larger than brokers
 * take with it. Throws HERALD_TOO_MUCH_OUTPUT if it is too large without: it names too many files.
 */
export function announceConverted(frame: AnnouncementFrame, facts: ConvertedFacts): Announced[] {
  const whole = convertedEvents(frame, facts)
  if (!isTooLarge(whole)) return whole
  const smaller = convertedEvents(frame, { ...facts, summary: { ...facts.summary, preview: null } })
  if (!isTooLarge(smaller)) return smaller
  throw new HeraldError(
    'HERALD_TOO_MUCH_OUTPUT',
    `The announcement of ${facts.renditions.length.toLocaleString('en')} files is larger than the ${humanBytes(maxMessageBytes)} that a broker takes.`,
    { remedy: 'Convert fewer pages at once, or save without announcing: --no-announce.' },
  )
}

const isTooLarge = (announced: readonly Announced[]) =>
  announced.some(({ message }) => messageBytes(message) > maxMessageBytes)

function convertedEvents(frame: AnnouncementFrame, facts: ConvertedFacts): Announced[] {
  const { summary, renditions } = facts
  const { input } = summary
  return forEachRecipient(frame, facts.finishedAt, (recipient) => ({
    type: eventTypes.fileConverted,
    data: {
      conversionId: frame.conversionId,
      runId: frame.runId,
      source: {
        name: facts.fileName,
        mediaType: input?.mediaType ?? '',
        sizeBytes: input?.sizeBytes ?? 0,
        sha256: input?.sha256 ?? '',
        width: input?.width ?? 0,
        height: input?.height ?? 0,
        pages: input?.pages ?? 0,
      },
      renditions: renditions.map((each) => ({
        name: each.name,
        mediaType: each.mediaType,
        sizeBytes: each.sizeBytes,
        sha256: each.sha256,
        width: each.width,
        height: each.height,
        pages: each.pages,
        ...locationOf(frame, each),
      })),
      stripped: summary.stripped,
      queueMs: summary.queueMs,
      conversionMs: summary.conversionMs,
      startedAtUnixMs: facts.startedAt.getTime(),
      finishedAtUnixMs: facts.finishedAt.getTime(),
      recipient,
      preview: summary.preview,
      host: frame.linkTo ? '' : hostname(),
      pageUrl: frame.pageUrl ?? '',
      runSize: frame.runSize ?? 0,
    },
  }))
}

export interface FailedFacts {
  readonly fileName: string
  readonly formats: readonly string[]
  readonly fault: HeraldError
  readonly failedAt: Date
}

/** One ConversionFailed for each recipient. */
export function announceFailed(frame: AnnouncementFrame, facts: FailedFacts): Announced[] {
  return forEachRecipient(frame, facts.failedAt, (recipient) => ({
    type: eventTypes.conversionFailed,
    data: {
      conversionId: frame.conversionId,
      runId: frame.runId,
      fileName: facts.fileName,
      formats: [...facts.formats],
      code: facts.fault.code,
      message: facts.fault.publicMessage,
      remedy: facts.fault.remedy ?? '',
      failedAtUnixMs: facts.failedAt.getTime(),
      recipient,
      runSize: frame.runSize ?? 0,
      pageUrl: frame.pageUrl ?? '',
    },
  }))
}

function locationOf(frame: AnnouncementFrame, { name, path }: SavedRendition) {
  if (frame.linkTo) return { location: 'url' as const, url: frame.linkTo(name) }
  return path === '' ? {} : { location: 'path' as const, path }
}

function forEachRecipient(
  frame: AnnouncementFrame,
  time: Date,
  event: (recipient: { address: string; language: string }) => HeraldEvent,
): Announced[] {
  return frame.recipients.map((address) => {
    const id = uuidv7()
    const envelope = {
      id,
      source: frame.source,
      time,
      subject: frame.conversionId,
      traceparent: frame.traceparent,
    }
    const message = toMessage(envelope, event({ address, language: frame.language }))
    return { id, recipient: address, message }
  })
}
