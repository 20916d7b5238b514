import { hostname } from 'node:os'
import { type Message, maxMessageBytes } from '@herald/broker'
import { messageBytes } from '@herald/broker/check-request'
import { toMessage } from '@herald/broker/message'
import type { ReceivedConversionSummary } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { eventTypes, type HeraldEvent } from '@herald/proto/events'
import { humanBytes } from '@herald/runtime/terminal-text'
import { v7 as uuidv7 } from 'uuid'
import type { SavedRendition } from './received-files.js'

/** What the events of a conversion have in common. */
export interface AnnouncementContext {
  readonly conversionId: string
  /** The run: the files that were sent together. */
  readonly runId: string
  /** `ce_source`. */
  readonly source: string
  readonly traceparent: string
  /** One event each: e-mail addresses, or '' for the notifier's default. None: nothing is announced. */
  readonly recipients: readonly string[]
  /** BCP 47; empty: the notifier's default. */
  readonly language: string
  /** How many events of this run each recipient gets; absent: not known. */
  readonly runSize?: number
  /** The page of the conversion; absent: there is none. */
  readonly pageUrl?: string
  /** A secret link to a rendition of that name; absent: the event has its path. */
  linkTo?(name: string): string
}

/** An event for one recipient, and its message. */
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
 * One FileConverted for each recipient; without the preview if a message would be too large with it.
 * Throws HERALD_TOO_MUCH_OUTPUT if it is too large without, too: it names too many files.
 */
export function convertedMessages(
  context: AnnouncementContext,
  facts: ConvertedFacts,
): Announced[] {
  const whole = convertedEvents(context, facts)
  if (!isTooLarge(whole)) return whole
  const smaller = convertedEvents(context, {
    ...facts,
    summary: { ...facts.summary, preview: null },
  })
  if (!isTooLarge(smaller)) return smaller
  throw new HeraldError(
    'HERALD_TOO_MUCH_OUTPUT',
    `The announcement of ${facts.renditions.length.toLocaleString('en')} files is larger than the ${humanBytes(maxMessageBytes)} that a broker accepts.`,
    { remedy: 'Convert fewer pages at once, or save without announcing: --no-announce.' },
  )
}

const isTooLarge = (announced: readonly Announced[]) =>
  announced.some(({ message }) => messageBytes(message) > maxMessageBytes)

function convertedEvents(context: AnnouncementContext, facts: ConvertedFacts): Announced[] {
  const { summary, renditions } = facts
  const { input } = summary
  return forEachRecipient(context, facts.finishedAt, (recipient) => ({
    type: eventTypes.fileConverted,
    data: {
      conversionId: context.conversionId,
      runId: context.runId,
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
        ...locationOf(context, each),
      })),
      stripped: summary.stripped,
      queueMs: summary.queueMs,
      conversionMs: summary.conversionMs,
      startedAtUnixMs: facts.startedAt.getTime(),
      finishedAtUnixMs: facts.finishedAt.getTime(),
      recipient,
      preview: summary.preview,
      host: context.linkTo ? '' : hostname(),
      pageUrl: context.pageUrl ?? '',
      runSize: context.runSize ?? 0,
    },
  }))
}

export interface FailedFacts {
  readonly fileName: string
  readonly formats: readonly string[]
  readonly error: HeraldError
  readonly failedAt: Date
}

/** One ConversionFailed for each recipient. */
export function failedMessages(context: AnnouncementContext, facts: FailedFacts): Announced[] {
  return forEachRecipient(context, facts.failedAt, (recipient) => ({
    type: eventTypes.conversionFailed,
    data: {
      conversionId: context.conversionId,
      runId: context.runId,
      fileName: facts.fileName,
      formats: [...facts.formats],
      code: facts.error.code,
      message: facts.error.publicMessage,
      remedy: facts.error.remedy ?? '',
      failedAtUnixMs: facts.failedAt.getTime(),
      recipient,
      runSize: context.runSize ?? 0,
      pageUrl: context.pageUrl ?? '',
    },
  }))
}

/**
 * Whether a failure is announced. A person at a terminal sees it (`attended`): there only failures
 * are announced that neither another attempt nor another command would avoid. Never announced: a
 * cancelled conversion, and a failure that would go to the notifier's default address alone.
 */
export function isFailureAnnounced(
  error: HeraldError,
  recipients: readonly string[],
  seen: 'attended' | 'unattended',
): boolean {
  if (error.code === 'HERALD_CANCELLED') return false
  if (!recipients.some((address) => address !== '')) return false
  if (seen === 'unattended') return true
  const isLocal = ['HERALD_UNREADABLE_FILE', 'HERALD_DISK_FULL'].includes(error.code)
  return !error.retryable && !isLocal && ![2, 6].includes(error.exitCode)
}

function locationOf(context: AnnouncementContext, { name, path }: SavedRendition) {
  if (context.linkTo) return { location: 'url' as const, url: context.linkTo(name) }
  return path === '' ? {} : { location: 'path' as const, path }
}

function forEachRecipient(
  context: AnnouncementContext,
  time: Date,
  event: (recipient: { address: string; language: string }) => HeraldEvent,
): Announced[] {
  return context.recipients.map((address) => {
    const id = uuidv7()
    const envelope = {
      id,
      source: context.source,
      time,
      subject: context.conversionId,
      traceparent: context.traceparent,
    }
    const message = toMessage(envelope, event({ address, language: context.language }))
    return { id, recipient: address, message }
  })
}
