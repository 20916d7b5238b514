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
 * Pauses intake while the mail server is out of service, and finds out when it can be used again:
 * by a probe and, if that does not prove it, by one mail at a time.
 *
 * | state     | event                          | next      | effect                            |
 * |-----------|--------------------------------|-----------|-----------------------------------|
 * | `normal`  | `begin`                        | `waiting` | log, pause intake, back off       |
 * | `waiting` | `begin`                        | `waiting` | the longer of the two waits       |
 * |           | the wait ends                  | `probing` | probe                             |
 * | `probing` | `begin`                        | `probing` | its wait counts after the probe   |
 * |           | failure                        | `waiting` | back off                          |
 * |           | success, a wait is left        | `waiting` |                                   |
 * |           | success, proves the end        | `normal`  | log, resume intake                |
 * |           | success, proves nothing        | `trial`   | resume intake: one mail at a time |
 * | `trial`   | `begin`                        | `waiting` | pause intake, back off            |
 * |           | `accepted`                     | `normal`  | log                               |
 * |           | no mail for a minute           | `normal`  | log                               |
 *
 * A probe proves the end if each `begin` of the outage was `provenByProbe`. Only `accepted` resets
 * the back-off, in every state: a mail may fail after a successful probe.
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

/** What holds from the first `begin` until `normal`. */
interface Current {
  reason: string
  lasting: boolean
  provenByProbe: boolean
  /** No probe before this time, by the monotonic clock: the time of day may be set back. */
  probeAt: number
  readonly reportTimer: NodeJS.Timeout
}

type State = { readonly timer?: NodeJS.Timeout } & (
  | { readonly name: 'normal'; readonly current?: undefined }
  | { readonly name: 'waiting' | 'probing'; readonly current: Current }
  | { readonly name: 'trial'; readonly current: Current; admittedAt: number }
)

const now = () => performance.now()

export function watchOutage(options: OutageOptions): Outage {
  const { intake, probe, backOff, logger, messages = aboutMailServer } = options
  let state: State = { name: 'normal' }
  /** Back-offs since a mail was accepted. */
  let failures = 0
  /** Attempts admitted in a trial and not ended; they may outlast it. */
  const trials = new Set<symbol>()
  let closed = false

  function enter(next: State): void {
    clearTimeout(state.timer)
    state = next
  }

  function startBackOff(current: Current): void {
    failures += 1
    const { lasting } = current
    const waitMs = lasting ? longBackOffMs(lastingBackOff, failures) : backOffMs(backOff, failures)
    current.probeAt = Math.max(current.probeAt, now() + waitMs)
    startWaiting(current)
  }

  function startWaiting(current: Current): void {
    const timer = setTimeout(() => void runProbe(current), Math.max(0, current.probeAt - now()))
    enter({ name: 'waiting', current, timer })
  }

  async function runProbe(current: Current): Promise<void> {
    enter({ name: 'probing', current })
    try {
      await probe()
    } catch (error) {
      if (closed) return
      current.reason = withoutAddresses((error as Error).message)
      current.lasting ||= (error as { lasting?: boolean }).lasting === true
      logger.debug({ reason: current.reason }, messages.lasts)
      return startBackOff(current)
    }
    if (closed) return
    if (current.probeAt > now()) return startWaiting(current)
    if (current.provenByProbe) end(current)
    else startTrial(current)
    intake.resume()
  }

  function startTrial(current: Current): void {
    const timer = setTimeout(() => {
      if (trials.size === 0 && now() - trial.admittedAt >= quietMs) end(current)
      else timer.refresh()
    }, quietMs)
    const trial = { name: 'trial', current, timer, admittedAt: Number.NEGATIVE_INFINITY } as const
    enter(trial)
  }

  function end({ reportTimer }: Current): void {
    clearInterval(reportTimer)
    enter({ name: 'normal' })
    logger.info(messages.ended)
  }

  function startOutage(reason: string): Current {
    logger.warn({ reason }, messages.began)
    const logStillOut = () => logger.warn({ reason: current.reason }, messages.lasts)
    const reportTimer = setInterval(logStillOut, reportEveryMs).unref()
    const current = { reason, lasting: false, provenByProbe: true, probeAt: 0, reportTimer }
    return current
  }

  const isOpen = () =>
    state.name === 'normal' ||
    (state.name === 'trial' && (trials.size === 0 || now() - state.admittedAt >= nextTrialMs))

  return {
    get reason() {
      return state.current?.reason
    },
    get paused() {
      return state.name === 'waiting' || state.name === 'probing'
    },
    get isOpen() {
      return isOpen()
    },
    admit() {
      if (!isOpen()) return undefined
      const attempt = Symbol()
      if (state.name === 'trial') {
        state.admittedAt = now()
        trials.add(attempt)
      }
      return () => void trials.delete(attempt)
    },
    begin({ lasting = false, provenByProbe = false, minWaitMs = 0, ...cause }) {
      if (closed) return
      const reason = withoutAddresses(cause.reason)
      const current = state.current ?? startOutage(reason)
      current.reason = reason
      current.lasting ||= lasting
      current.provenByProbe &&= provenByProbe
      current.probeAt = Math.max(current.probeAt, now() + minWaitMs)
      if (state.name === 'probing') return
      if (state.name === 'waiting') return startWaiting(current)
      startBackOff(current)
      intake.pause()
    },
    accepted() {
      failures = 0
      if (state.name === 'trial') end(state.current)
    },
    close() {
      closed = true
      clearTimeout(state.timer)
      clearInterval(state.current?.reportTimer)
    },
  }
}
