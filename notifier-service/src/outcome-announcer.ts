import { type Broker, BrokerError } from '@herald/broker'
import type { Channel } from './channel.js'
import { outcomeMessage, type SettledMail } from './outcome-message.js'

/** Puts outcomes to their topic. */
export interface OutcomeAnnouncer {
  /**
   * Resolves when the broker has all of them. Rejects with what the broker said; some may be
   * published then, and are published again, with the same ids, by the next call.
   */
  announce(outcomes: readonly SettledMail[]): Promise<void>
  /** Waits for what is under way. */
  close(): Promise<void>
}

export interface AnnouncerSettings {
  readonly topic: string
  readonly channel: Pick<Channel, 'name'>
}

/** `open` is called when there is something to announce first; the broker is closed with the announcer. */
export function createAnnouncer(
  { topic, channel }: AnnouncerSettings,
  open: () => Promise<Broker>,
): OutcomeAnnouncer {
  let broker: Broker | undefined
  return {
    async announce(outcomes) {
      const messages = outcomes.map((each) => outcomeMessage(each, channel))
      broker ??= await open()
      await broker.publish(topic, messages)
    },
    async close() {
      await broker?.close()
    },
  }
}

/**
 * Announces by `usual`, and from the first time that `crowd` outcomes come at once by `relief`: what
 * that takes is spared where there is little to announce.
 */
export function relievedAnnouncer(
  usual: OutcomeAnnouncer,
  relief: OutcomeAnnouncer,
  crowd: number,
): OutcomeAnnouncer {
  let relieved = false
  return {
    announce(outcomes) {
      relieved ||= outcomes.length >= crowd
      return (relieved ? relief : usual).announce(outcomes)
    },
    async close() {
      await Promise.all([usual.close(), relief.close()])
    },
  }
}

/** The broker works, and does not take this. */
export function isTheirOwn(error: unknown): boolean {
  if (!(error instanceof BrokerError)) return false
  return error.code === 'BROKER_MESSAGE_TOO_LARGE' || error.code === 'BROKER_INVALID_MESSAGE'
}
