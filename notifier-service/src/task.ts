import { createHash } from 'node:crypto'
import { EventError, fromMessage, type ReceivedEvent } from '@herald/broker/message'
import type { Logger } from '@herald/runtime'
import type { Channel } from './channel.js'
import { describe } from './guard-channel.js'
import type { DeferredMail, KeptDelivery } from './ledger/lanes.js'
import type { Ledger } from './ledger/ledger.js'
import type { EventRef, MailIdentity, MailRecord } from './ledger/mail-record.js'
import { reopenIfReplayed } from './replay-mark.js'

/** A mail that is to go out, and the events it tells of. */
export interface Task {
  /** The mail's name in the ledger: its event, or the digest's own. */
  readonly ref: EventRef
  /** The events as they came, in the order that the ledger names them; at least one. */
  readonly deliveries: readonly KeptDelivery[]
  /** The same, read. */
  readonly received: readonly [ReceivedEvent, ...ReceivedEvent[]]
  readonly mail: MailIdentity
  /** What the ledger knew of it; undefined for an event that is new. */
  readonly record: MailRecord | undefined
  /** Why no mail can be made of it. */
  readonly fault: string | undefined
  readonly logger: Logger
}

export interface TaskParts {
  readonly ledger: Ledger
  readonly channel: Channel
  readonly logger: Logger
}

/** Reads an event and finds what the ledger knows of its mail. Resolves to why it is none that can be read. */
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
    return { unreadable: describe(error) }
  }
  const { id, source } = received.envelope
  const { conversionId, runId } = received.event.data
  const { topic, partition, offset } = delivery
  const ref = { id, source }
  const { fault, ...addressing } = channel.address(received)
  const origin = { topic, partition, offset }
  const own = { eventIds: [id], ...addressing, conversionId, runId, origin }
  const record = await reopenIfReplayed(ledger, { ref, mail: own, delivery, channel })
  return {
    ref,
    deliveries: [delivery],
    received: [received],
    mail: record ?? own,
    record,
    fault,
    logger: logger.child({ event: id, conversion: conversionId }),
  }
}

/** Reads a mail that was put aside. */
export async function readDeferred(
  { ref, deliveries }: DeferredMail,
  parts: TaskParts,
): Promise<Task> {
  const [first, ...others] = deliveries
  if (first === undefined) throw new Error(`nothing is kept of the mail ${ref.id}`)
  if (others.length === 0) {
    const task = await readTask(first, parts)
    // It could be read when it was put aside: only a version that knows less cannot.
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
    fault: undefined,
    logger: parts.logger.child({ digest: ref.id, events: deliveries.length, run: record.runId }),
  }
}

/** The lane that the event's key waits in; one of its own without a key. */
export function laneOf({ topic, key }: KeptDelivery, id: string): string {
  const name = JSON.stringify(key === null ? [topic, null, id] : [topic, key])
  if (Buffer.byteLength(name) <= 512) return name
  return createHash('sha256').update(name).digest('hex')
}
