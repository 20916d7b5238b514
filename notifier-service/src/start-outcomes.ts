import { openBroker } from '@herald/broker'
import { openOutbox } from '@herald/broker/outbox'
import { outcomeTopic } from '@herald/broker/outcome-message'
import { startRelay } from '@herald/broker/relay'
import type { Lifecycle, Logger } from '@herald/runtime'
import type { Channel } from './channel.js'
import type { Ledger } from './ledger/ledger.js'
import { announceOutcomes } from './outcomes.js'
import type { SubscriberConfig } from './subscriber.js'

/** Announces outcomes through an outbox of the notifier's own until the program stops. */
export async function startOutcomes(
  config: Pick<SubscriberConfig, 'broker' | 'topic' | 'outboxDirectory'>,
  ledger: Ledger,
  channel: Channel,
  { logger, lifecycle }: { logger: Logger; lifecycle: Lifecycle },
): Promise<void> {
  const outbox = await openOutbox(config.outboxDirectory, { logger })
  lifecycle.defer('outbox of outcomes', () => outbox.close())
  // A broker of its own: outcomes of mails that are cut off come after the other is closed.
  const relay = startRelay(outbox, () => openBroker(config.broker, { logger }), { logger })
  lifecycle.defer('relay of outcomes', () => relay.stop())
  const topic = outcomeTopic(config.topic)
  const outcomes = announceOutcomes({ ledger, channel, outbox, topic, logger })
  lifecycle.defer('outcomes', () => outcomes.close())
}
