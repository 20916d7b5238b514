import type { Logger } from '@herald/runtime'
import { NotHeld } from './before-body.js'
import type { Channel } from './channel.js'
import type { SendResult } from './send-result.js'

/**
 * A channel that does not throw. If `channel` throws, the attempt counts as refused temporarily:
 * the mail is retried with back-off, deferred, and in the end published to the dead letters. The log
 * has each stack. Errors of `beforeBody` pass through.
 */
export function guardChannel(channel: Channel, logger: Logger): Channel {
  return {
    ...channel,
    address(event) {
      try {
        return channel.address(event)
      } catch (error) {
        logger.error({ err: error, event: event.envelope.id }, 'unexpected error: no address')
        return {
          recipient: '',
          from: '',
          messageId: '',
          template: '',
          problem: describeError(error),
        }
      }
    },
    async send(outgoing, beforeBody): Promise<SendResult> {
      let rejection: { readonly error: unknown } | undefined
      let begun = false
      try {
        return await channel.send(outgoing, async () => {
          try {
            const isHeld = await beforeBody()
            begun = true
            return isHeld
          } catch (error) {
            rejection = { error }
            throw error
          }
        })
      } catch (error) {
        if (rejection !== undefined) throw rejection.error
        if (error instanceof NotHeld) throw error
        const [event] = outgoing.mail.eventIds
        logger.error({ err: error, event }, 'unexpected error: not sent')
        const reply = describeError(error)
        return begun ? { kind: 'unknown', reason: reply } : { kind: 'deferred', reply }
      }
    },
  }
}

/** The error as one short sentence, for a dead letter. */
export function describeError(error: unknown): string {
  return `Unexpected error: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300)
}
