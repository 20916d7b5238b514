import type { Logger } from '@herald/runtime'
import type { Channel } from './channel.js'
import type { SendOutcome } from './send-outcome.js'

/**
 * A channel that does not throw. An attempt at which `channel` throws counts as refused for now:
 * it is tried again with back-off, put aside, and at last put to the dead letters. The log has the
 * stack of each. Errors of `beforeBody` pass through.
 */
export function guardChannel(channel: Channel, logger: Logger): Channel {
  return {
    ...channel,
    address(event) {
      try {
        return channel.address(event)
      } catch (error) {
        logger.error({ err: error, event: event.envelope.id }, 'unexpected error: no address')
        return { recipient: '', from: '', messageId: '', template: '', fault: describe(error) }
      }
    },
    async send(outgoing, beforeBody): Promise<SendOutcome> {
      let rejection: { readonly error: unknown } | undefined
      let begun = false
      try {
        return await channel.send(outgoing, async () => {
          try {
            await beforeBody()
            begun = true
          } catch (error) {
            rejection = { error }
            throw error
          }
        })
      } catch (error) {
        if (rejection !== undefined) throw rejection.error
        const [event] = outgoing.mail.eventIds
        logger.error({ err: error, event }, 'unexpected error: not sent')
        const reply = describe(error)
        return begun ? { kind: 'unknown', reason: reply } : { kind: 'deferred', reply }
      }
    },
  }
}

/** For the dead letter: what was thrown, short. */
export function describe(error: unknown): string {
  return `Unexpected error: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300)
}
