import type { Logger } from '@herald/runtime'
import type { Channel } from './channel.js'
import type { Ledger } from './ledger/ledger.js'
import { type Outage, type OutageMessages, type Pausable, watchOutage } from './outage.js'

interface OutagesOptions {
  /** Resumed only when both can be used. */
  readonly intake: Pausable
  readonly ledger: Ledger
  readonly channel: Channel
  readonly logger: Logger
  /** Log messages about outages of the receiving side. */
  readonly messages?: OutageMessages | undefined
}

/** The ledger's disk or database, and the receiving side. Each may be out of service on its own. */
export interface Outages {
  readonly disk: Outage
  readonly receiver: Outage
  /** Both as one: `begin` and `accepted` are about the receiving side. */
  readonly either: Outage
}

export function watchOutages(options: OutagesOptions): Outages {
  const { ledger, channel, logger, messages } = options
  const intake = {
    pause: () => options.intake.pause(),
    resume: () => {
      if (!either.paused) options.intake.resume()
    },
  }
  // Mails wait for the next probe at most, once the server is back; a probe costs little.
  const backOff = { firstMs: 500, capMs: 4_000 }
  const disk = watchOutage({
    intake,
    probe: () => ledger.check(),
    backOff,
    logger,
    messages: {
      began: 'the ledger cannot be written: nothing is sent, events wait',
      lasts: 'the ledger still cannot be written',
      ended: 'the ledger can be written again',
    },
  })
  const receiver = watchOutage({
    intake,
    probe: () => channel.probe(),
    backOff,
    logger,
    ...(messages ? { messages } : {}),
  })
  const either: Outage = {
    ...receiver,
    get reason() {
      return disk.reason ?? receiver.reason
    },
    get paused() {
      return disk.paused || receiver.paused
    },
    get isOpen() {
      return disk.isOpen && receiver.isOpen
    },
    admit: () => (disk.isOpen ? receiver.admit() : undefined),
    close() {
      disk.close()
      receiver.close()
    },
  }
  return { disk, receiver, either }
}
