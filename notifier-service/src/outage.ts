import type { Logger } from '@herald/runtime'
import { type BackOff, backOffMs, longBackOffMs } from './back-off.js'
import { withoutAddresses } from './without-addresses.js'

/** What is paused while the mail server is out of service. */
export interface Pausable {
  pause(): void
  resume(): void
}

export interface OutageOptions {
  readonly intake: Pausable
  /**
   * Resolves when the mail server can be used again, rejects with the reason if not; an error with
   * `lasting: true` can be corrected by a person only.
   */
  readonly probe: () => Promise<void>
  readonly backOff: BackOff
  readonly logger: Logger
  /** The log messages. Default: about the mail server. */
  readonly messages?: OutageMessages
}

export interface OutageMessages {
  readonly began: string
  readonly lasts: string
  readonly ended: string
}

export interface OutageCause {
  readonly reason: string
  /** The earliest next attempt, in milliseconds from now. Default 0. */
  readonly minWaitMs?: number | undefined
  /** Only a person can correct it: probe rarely. */
  readonly lasting?: boolean | undefined
  /** A successful probe proves that it is over; otherwise a mail has to be accepted first. */
  readonly provenByProbe?: boolean | undefined
}

/**
 * Keeps intake paused while the mail server is out of service, and finds out when it is back:
 * first by a probe, then, if a probe does not prove it, by one mail at a time until one is accepted.
 */
export interface Outage {
  /** Why mails wait, without addresses; undefined in normal operation. */
  readonly reason: string | undefined
  /** No attempt is made at all. */
  readonly paused: boolean
  /** Whether `admit` would admit an attempt now. */
  readonly isOpen: boolean
  /** Admits an attempt, to be ended by the function returned; undefined if it has to wait. */
  admit(): (() => void) | undefined
  /** The mail server cannot be used. If it is out of service already, the longest wait counts. */
  begin(cause: OutageCause): void
  /** The mail server accepted a mail. */
  accepted(): void
  /** Stops probing. Idempotent. */
  close(): void
}

const aboutMailServer: OutageMessages = {
  began: 'the mail server is out of service: events wait',
  lasts: 'the mail server is still out of service',
  ended: 'the mail server answers again',
}

/** If only a person can correct it. */
const lastingBackOff: BackOff = { firstMs: 1000, capMs: 5 * 60_000 }
const reportEveryMs = 10 * 60_000
/** If a trial gets no answer for this long, the next mail is tried too. */
const nextTrialMs = 1000
/** If no mail came for this long, the outage counts as over. */
const quietMs = 60_000

const noop = () => {}

export function watchOutage(options: OutageOptions): Outage {
  const { intake, probe, backOff, logger, messages = aboutMailServer } = options
  let state: 'none' | 'paused' | 'trial' = 'none'
  let reason: string | undefined
  let lasting = false
  let provenByProbe = true
  let failures = 0
  let earliest = 0
  let inTrial = 0
  let lastTrialAt = Number.NEGATIVE_INFINITY
  let probing = false
  let timer: NodeJS.Timeout | undefined
  let report: NodeJS.Timeout | undefined
  let closed = false

  // Monotonic: the time of day may be set back.
  const now = () => performance.now()

  function pause(): void {
    state = 'paused'
    intake.pause()
    probeLater()
  }

  function probeLater(): void {
    // A mail may fail after a successful probe: only an accepted mail resets the wait.
    failures += 1
    const waitMs = lasting ? longBackOffMs(lastingBackOff, failures) : backOffMs(backOff, failures)
    earliest = Math.max(earliest, now() + waitMs)
    wait()
  }

  function wait(): void {
    clearTimeout(timer)
    timer = setTimeout(() => void runProbe(), Math.max(0, earliest - now()))
  }

  async function runProbe(): Promise<void> {
    probing = true
    try {
      await probe()
    } catch (error) {
      if (closed) return
      reason = withoutAddresses((error as Error).message)
      lasting ||= (error as { lasting?: boolean }).lasting === true
      logger.debug({ reason }, messages.lasts)
      return probeLater()
    } finally {
      probing = false
    }
    if (closed) return
    // The server may have asked for a longer wait during the probe.
    if (earliest > now()) wait()
    else if (provenByProbe) end()
    else startTrial()
  }

  function startTrial(): void {
    state = 'trial'
    lastTrialAt = Number.NEGATIVE_INFINITY
    timer = setTimeout(endIfQuiet, quietMs)
    intake.resume()
  }

  function endIfQuiet(): void {
    if (inTrial === 0 && now() - lastTrialAt >= quietMs) end()
    else timer = setTimeout(endIfQuiet, quietMs)
  }

  function end(): void {
    clearTimeout(timer)
    clearInterval(report)
    const wasPaused = state === 'paused'
    state = 'none'
    reason = undefined
    lasting = false
    provenByProbe = true
    logger.info(messages.ended)
    if (wasPaused) intake.resume()
  }

  const isOpen = () =>
    state === 'none' || (state === 'trial' && (inTrial === 0 || now() - lastTrialAt >= nextTrialMs))

  return {
    get reason() {
      return reason
    },
    get paused() {
      return state === 'paused'
    },
    get isOpen() {
      return isOpen()
    },
    admit() {
      if (!isOpen()) return undefined
      if (state === 'none') return noop
      inTrial += 1
      lastTrialAt = now()
      let ended = false
      return () => {
        if (!ended) inTrial -= 1
        ended = true
      }
    },
    begin(cause) {
      if (closed) return
      const before = state
      reason = withoutAddresses(cause.reason)
      lasting ||= cause.lasting === true
      provenByProbe &&= cause.provenByProbe === true
      earliest = Math.max(earliest, now() + (cause.minWaitMs ?? 0))
      if (before === 'paused') {
        if (!probing) wait()
        return
      }
      if (before === 'none') {
        logger.warn({ reason }, messages.began)
        report = setInterval(() => {
          logger.warn({ reason }, messages.lasts)
        }, reportEveryMs)
        report.unref()
      }
      pause()
    },
    accepted() {
      failures = 0
      if (state === 'trial') end()
    },
    close() {
      closed = true
      clearTimeout(timer)
      clearInterval(report)
    },
  }
}
