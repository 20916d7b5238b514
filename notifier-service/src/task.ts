import { createHash } from 'node:crypto'
import type { Delivery } from '@herald/broker'
import { EventError, fromMessage } from '@herald/broker/message'
import type { Logger } from '@herald/runtime'
import type { Task } from './attempt.js'
import type { Ledger } from './ledger/ledger.js'
import { messageIdOf } from './mail/compose.js'
import type { Letters } from './mail/letters.js'
import { recipientOf } from './recipient.js'
import { reopenIfReplayed } from './replay-mark.js'

export interface TaskPolicy {
  /** The From header of every mail. */
  readonly mailFrom: string
  /** Whom to tell where an event names nobody. */
  readonly mailTo: string
}

type Kept = Omit<Delivery, 'attempt'>

/** Reads an event and finds what the ledger knows of its mail. Resolves to why it is none that can be read. */
export async function readTask(
  delivery: Kept,
  { mailFrom, mailTo }: TaskPolicy,
  { ledger, letters, logger }: { ledger: Ledger; letters: Letters; logger: Logger },
): Promise<Task | { readonly unreadable: string }> {
  let received: Task['received']
  try {
    received = fromMessage(delivery)
  } catch (error) {
    if (error instanceof EventError) return { unreadable: error.message }
    throw error
  }
  const { id, source } = received.envelope
  const { conversionId, runId } = received.event.data
  const { topic, partition, offset } = delivery
  const ref = { id, source }
  const record = await reopenIfReplayed(ledger, ref, delivery)
  const to = recipientOf(received.event, mailTo)
  const mail = record ?? {
    eventIds: [id],
    recipient: 'address' in to ? to.address : '',
    from: mailFrom,
    messageId: messageIdOf(received.envelope, mailFrom),
    template: letters.templateFor([received]),
    conversionId,
    runId,
    origin: { topic, partition, offset },
  }
  return {
    delivery,
    ref,
    received,
    mail,
    record,
    fault: 'fault' in to ? to.fault : undefined,
    logger: logger.child({ event: id, conversion: conversionId }),
  }
}

/** The lane that the event's key waits in; one of its own without a key. */
export function laneOf({ topic, key }: Kept, id: string): string {
  const name = JSON.stringify(key === null ? [topic, null, id] : [topic, key])
  if (Buffer.byteLength(name) <= 512) return name
  return createHash('sha256').update(name).digest('hex')
}
