import { openBroker } from '@herald/broker'
import { outcomeTopic } from '@herald/broker/outcome-message'
import type { Lifecycle, Logger } from '@herald/runtime'
import type { Channel } from './channel.js'
import type { Ledger } from './ledger/ledger.js'
import { announceOutcomes } from './outcomes.js'
import type { SubscriberConfig } from './subscriber.js'

/** Announces outcomes until the program stops. */
export function startOutcomes(
  config: Pick<SubscriberConfig, 'broker' | 'topic'>,
  ledger: Ledger,
  channel: Channel,
  { logger, lifecycle }: { logger: Logger; lifecycle: Lifecycle },
): void {
  const outcomes = announceOutcomes({
    ledger,
    channel,
    topic: outcomeTopic(config.topic),
    // Of its own: outcomes of mails that are cut off come after the other is closed.
    openBroker: () => openBroker(config.broker, { logger }),
    logger,
  })
  lifecycle.defer('outcomes', () => outcomes.close())
}
