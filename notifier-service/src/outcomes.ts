import { createHash } from 'node:crypto'
import type { Message } from '@herald/broker'
import type { Outbox } from '@herald/broker/outbox'
import { toOutcomeMessage } from '@herald/broker/outcome-message'
import { type OutcomeEvent, outcomeTypes } from '@herald/proto/outcomes'
import type { Logger } from '@herald/runtime'
import { type BackOff, backOffMs } from './back-off.js'
import type { Channel } from './channel.js'
import type { Ledger, PendingOutcome } from './ledger/ledger.js'

export interface OutcomesOptions {
  readonly ledger: Ledger
  readonly channel: Pick<Channel, 'name'>
  /** Published by a relay; the outcomes are its as soon as they are there. */
  readonly outbox: Pick<Outbox, 'prepare'>
  readonly topic: string
  readonly logger: Logger
}

export interface Outcomes {
  /** Puts what is pending into the outbox, as far as that succeeds at once. Idempotent. */
  close(): Promise<void>
}

/** Outcomes that share an entry of the outbox, and its sync. */
const batchSize = 64
/** How long outcomes are gathered, in milliseconds. */
const gatherMs = 50
/** How often to look for those of processes that died, in milliseconds. */
const lookMs = 5000
const faultBackOff: BackOff = { firstMs: 500, capMs: 30_000 }

/**
 * Announces what became of each mail. The ledger keeps an outcome from the moment it is settled on
 * until the outbox has it: at least once, with the same id each time.
 */
export function announceOutcomes(options: OutcomesOptions): Outcomes {
  const { ledger, channel, outbox, topic, logger } = options
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let working: Promise<void> | undefined
  let again = false
  let gathering = false
  let closed: Promise<void> | undefined

  const stopListening = ledger.onOutcome(() => {
    if (working) again = true
    else if (failures === 0 && !gathering) wake(gatherMs)
  })

  function wake(afterMs: number): void {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(run, afterMs)
    timer.unref()
    gathering = afterMs === gatherMs
  }

  function run(): void {
    gathering = false
    again = false
    working = hand().then(
      () => {
        failures = 0
      },
      (error: unknown) => {
        failures += 1
        logger.warn({ err: error }, 'outcomes could not be put into the outbox; will try again')
      },
    )
    void working.then(() => {
      working = undefined
      if (failures > 0) wake(backOffMs(faultBackOff, failures))
      else wake(again ? gatherMs : lookMs)
    })
  }

  async function hand(): Promise<void> {
    for (;;) {
      const pending = ledger.pendingOutcomes(batchSize)
      if (pending.length === 0) return
      const messages = pending.map((each) => outcomeMessage(each, channel))
      await outbox.prepare({ topic, messages, files: [], label: 'outcomes' })
      await ledger.outcomesTaken(pending)
      if (pending.length < batchSize) return
    }
  }

  run()
  return {
    close() {
      closed ??= (async () => {
        stopListening()
        clearTimeout(timer)
        await working
        await hand().catch(() => {})
      })()
      return closed
    },
  }
}

const maxReply = 2000

/** The event that tells a mail's outcome; the same outcome gives the same bytes. */
export function outcomeMessage(
  { event, record }: PendingOutcome,
  { name: channel }: Pick<Channel, 'name'>,
): Message {
  const { updatedAt, state, attempts } = record
  const notification = {
    conversionId: record.conversionId ?? '',
    runId: record.runId ?? '',
    eventIds: [...record.eventIds],
    recipient: record.recipient,
    messageId: record.messageId,
    channel,
  }
  const reply = record.reply.slice(0, maxReply)
  const common = { notification, attempts, firstAttemptAtUnixMs: record.firstAttemptAt }
  const outcome: OutcomeEvent =
    state === 'accepted'
      ? { type: outcomeTypes.delivered, data: { ...common, reply, deliveredAtUnixMs: updatedAt } }
      : {
          type: outcomeTypes.failed,
          data: {
            ...common,
            reason: reply,
            failedAtUnixMs: updatedAt,
            possiblyDelivered: state === 'unknown',
          },
        }
  // As it always was for a mail; the same event may have an outcome on every channel.
  const named = channel === 'mail' ? [] : [channel]
  const id = uuidOf([event.source, event.id, state, record.replay ?? '', ...named])
  return toOutcomeMessage(
    {
      id,
      source: channel === 'mail' ? '/herald/notifier' : `/herald/${channel}`,
      time: new Date(updatedAt),
      subject: event.id,
    },
    outcome,
  )
}

/** A UUID of version 8 (RFC 9562 §5.8) that follows from `parts`. */
function uuidOf(parts: readonly string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16)
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x80, 6)
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [8, 12, 16, 20, 32]
    .map((end, index) => hex.slice([0, 8, 12, 16, 20][index], end))
    .join('-')
}
