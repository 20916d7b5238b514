import { createHash } from 'node:crypto'
import { EventError, fromMessage, type ReceivedEvent } from '@herald/broker/message'
import type { Logger } from '@herald/runtime'
import type { Channel } from './channel.js'
import { reopenIfReplayed } from './dead-letters/replay-mark.js'
import { describeError } from './guard-channel.js'
import type { DeferredMail, KeptDelivery } from './ledger/lanes.js'
import type { Ledger } from './ledger/ledger.js'
import {
  type EventRef,
  type MailIdentity,
  type MailRecord,
  positionOf,
} from './ledger/mail-record.js'

/** A mail to be sent, and its events. */
export interface Task {
  /** The mail's name in the ledger: its event, or the digest's own. */
  readonly ref: EventRef
  /** The events as they were delivered, in the order of the ledger; at least one. */
  readonly deliveries: readonly KeptDelivery[]
  /** The same, decoded. */
  readonly received: readonly [ReceivedEvent, ...ReceivedEvent[]]
  readonly mail: MailIdentity
  /** Its record; undefined for a new event. */
  readonly record: MailRecord | undefined
  /** Why it can never be sent. */
  readonly problem: string | undefined
  readonly logger: Logger
}

export interface TaskParts {
  readonly ledger: Ledger
  readonly channel: Channel
  readonly logger: Logger
}

/** Decodes an event and finds the record of its mail. Resolves to the reason if it cannot be decoded. */
export async function readTask(
  delivery: KeptDelivery,
  { ledger, channel, logger }: TaskParts,
): Promise<Task | { readonly unreadable: string }> {
  let received: ReceivedEvent
  try {
    received = fromMessage(delivery)
  } catch (error) {
    if (error instanceof EventError) return { unreadable: error.message }
    logger.error({ err: error }, 'unexpected error: event not read')
    return { unreadable: describeError(error) }
  }
  const { id, source } = received.envelope
  const { conversionId, runId } = received.event.data
  const { topic, partition, offset } = delivery
  const position = positionOf(delivery)
  const ref = { id, source }
  const { problem, ...addressing } = channel.address(received)
  const origin = { topic, position, ...(partition !== undefined && { partition, offset }) }
  const own = { eventIds: [id], ...addressing, conversionId, runId, origin }
  const record = await reopenIfReplayed(ledger, { ref, mail: own, delivery, channel })
  return {
    ref,
    deliveries: [delivery],
    received: [received],
    mail: record ?? own,
    record,
    problem,
    logger: logger.child({ event: id, conversion: conversionId }),
  }
}

/** The same for a deferred mail. */
export async function readDeferred(
  { ref, deliveries }: DeferredMail,
  parts: TaskParts,
): Promise<Task> {
  const [first, ...others] = deliveries
  if (first === undefined) throw new Error(`the ledger has no events of the mail ${ref.id}`)
  if (others.length === 0) {
    const task = await readTask(first, parts)
    // It was decoded when it was deferred: only an older version cannot.
    if ('unreadable' in task) throw new Error(task.unreadable)
    return task
  }
  const record = await parts.ledger.find(ref)
  if (record === undefined) throw new Error(`the ledger has no record of the digest ${ref.id}`)
  return {
    ref,
    deliveries,
    received: [fromMessage(first), ...others.map(fromMessage)],
    mail: record,
    record,
    problem: undefined,
    logger: parts.logger.child({ digest: ref.id, events: deliveries.length, run: record.runId }),
  }
}

/** The lane of the event's key; without a key, one of its own. */
export function laneOf({ topic, key }: KeptDelivery, id: string): string {
  const name = JSON.stringify(key === null ? [topic, null, id] : [topic, key])
  if (Buffer.byteLength(name) <= 512) return name
  return createHash('sha256').update(name).digest('hex')
}
