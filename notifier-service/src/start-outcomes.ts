import { openBroker } from '@herald/broker'
import { outcomeTopic } from '@herald/broker/outcome-message'
import type { Lifecycle, Logger } from '@herald/runtime'
import type { Channel } from './channel.js'
import type { Ledger } from './ledger/ledger.js'
import { createAnnouncer, relievedAnnouncer } from './outcome-announcer.js'
import { createThreadedAnnouncer } from './outcome-thread.js'
import { announceOutcomes } from './outcomes.js'
import type { SubscriberConfig } from './subscriber.js'

/** Outcomes that wait at once where a thread of its own pays: it takes some 20 MiB. */
const crowd = 100

/** Announces outcomes until the program stops. */
export function startOutcomes(
  config: Pick<SubscriberConfig, 'broker' | 'topic'>,
  ledger: Ledger,
  channel: Channel,
  { logger, lifecycle }: { logger: Logger; lifecycle: Lifecycle },
): void {
  const settings = { topic: outcomeTopic(config.topic), channel }
  // A broker of its own: outcomes of mails that are cut off come after the other is closed.
  const inPlace = createAnnouncer(settings, () => openBroker(config.broker, { logger }))
  // The embedded broker's store is not for several threads of one process.
  const announcer = config.broker.startsWith('kafka:')
    ? relievedAnnouncer(
        inPlace,
        createThreadedAnnouncer({ ...settings, broker: config.broker }),
        crowd,
      )
    : inPlace
  const outcomes = announceOutcomes({ ledger, announcer, logger })
  lifecycle.defer('outcomes', () => outcomes.close())
}
