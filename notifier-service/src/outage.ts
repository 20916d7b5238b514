import type { Logger } from '@herald/runtime'
import { type BackOff, backOffMs } from './back-off.js'
import { withoutAddresses } from './without-addresses.js'

/** What stands still while the mail server is out of service. */
export interface Pausable {
  pause(): void
  resume(): void
}

export interface OutageOptions {
  readonly intake: Pausable
  /** Resolves when the mail server can be used again, rejects with why it cannot. */
  readonly probe: () => Promise<void>
  readonly backOff: BackOff
  readonly logger: Logger
  /** What the log says of it. Default: of the mail server. */
  readonly words?: OutageWords
}

export interface OutageWords {
  readonly began: string
  readonly lasts: string
  readonly ended: string
}

const ofMailServer: OutageWords = {
  began: 'the mail server is out of service: events wait',
  lasts: 'the mail server is still out of service',
  ended: 'the mail server answers again',
}

/** Keeps intake paused while the mail server is out of service, and asks when it is back. */
export interface Outage {
  /** Why nothing is sent now; undefined while all is well. */
  readonly reason: string | undefined
  /**
   * The mail server could not be used: intake pauses until a probe succeeds, the first of which
   * is made no sooner than after `leastMs`. Idempotent.
   */
  begin(reason: string, leastMs?: number): void
  /** A mail went through: the next outage begins with short waits again. */
  sent(): void
  /** Stops asking. Idempotent. */
  close(): void
}

export function watchOutage(options: OutageOptions): Outage {
  const { intake, probe, backOff, logger, words = ofMailServer } = options
  let reason: string | undefined
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function askLater(leastMs = 0): void {
    // A probe can succeed where the next mail fails (a sender refused): only a mail sent resets the wait.
    failures += 1
    timer = setTimeout(() => void ask(), Math.max(leastMs, backOffMs(backOff, failures)))
  }

  async function ask(): Promise<void> {
    try {
      await probe()
    } catch (error) {
      if (closed) return
      reason = (error as Error).message
      logger.debug({ reason: withoutAddresses(reason) }, words.lasts)
      return askLater()
    }
    if (closed) return
    reason = undefined
    logger.info(words.ended)
    intake.resume()
  }

  return {
    get reason() {
      return reason
    },
    begin(why, leastMs) {
      if (closed || reason !== undefined) return
      reason = why
      logger.warn({ reason: withoutAddresses(why) }, words.began)
      intake.pause()
      askLater(leastMs)
    },
    sent() {
      failures = 0
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
