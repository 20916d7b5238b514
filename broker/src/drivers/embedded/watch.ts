import type { Logger } from '@herald/runtime'
import type { BrokerStore } from './broker-store.js'
import type { Consumer } from './consumer.js'
import type { Presence } from './presence.js'

export interface WatchOptions {
  readonly shared: BrokerStore
  readonly presence: Presence
  readonly sessionTimeoutMs: number
  readonly consumers: ReadonlySet<Consumer>
  readonly logger: Logger
}

/** How soon a killed member is noticed. */
const lookMs = 250

/** Wakes the consumers of one broker, looks after the other members; returns what ends it. */
export function startWatch(options: WatchOptions): () => void {
  const { shared, presence, sessionTimeoutMs, consumers, logger } = options
  // A fault here must not end the program; the next time tries again.
  const guarded = (run: () => void) => () => {
    try {
      run()
    } catch (error) {
      logger.error({ err: error }, 'could not look after the subscriptions')
    }
  }
  const look = guarded(() => {
    presence.renew()
    for (const consumer of consumers) consumer.look()
  })
  const wake = guarded(() => {
    for (const consumer of consumers) consumer.wake()
  })
  // Not unref'd: a process that subscribes lives until it closes.
  const timer = setInterval(look, Math.min(lookMs, sessionTimeoutMs / 5))
  const stopListening = shared.store.bell.listen(wake)
  return () => {
    clearInterval(timer)
    stopListening()
  }
}
