/** A mail that has a connection. */
export interface Held {
  /** The server answered the envelope. */
  answered(): void
  /** It was ended by `preempt`. */
  readonly preempted: boolean
  /** `hung`: it ended without an answer. */
  end(hung: boolean): void
}

/**
 * Keeps half of the connections for mails that the server answers. A mail that gets no answer for
 * long is ended if others wait for a connection; until its recipient is answered again, its attempts
 * share the other half.
 */
export interface HangLimit {
  /** Whether a mail to this recipient may have a connection now. */
  admits(recipient: string): boolean
  /** A mail gets a connection. `preempt` is called, at most once, to end it before the 354. */
  hold(recipient: string, preempt: () => void): Held
  /** To be called while others wait for a connection: ends mails beyond the limit. */
  preemptHanging(): void
}

/** A mail hangs if its envelope takes ten times as long as usual, but at least this long. */
const minHangMs = 250
const usualFactor = 10
/** The same before any envelope was answered. */
const initialHangMs = 1000
/** Recipients remembered. */
const maxRemembered = 10_000

interface HeldMail {
  readonly since: number
  readonly wasHanging: boolean
  inEnvelope: boolean
  preempted: boolean
  readonly preempt: () => void
}

export function createHangLimit(connections: number): HangLimit {
  const maxHanging = Math.max(1, Math.floor(connections / 2))
  /** Recipients whose last mail got no answer, the oldest first. */
  const hanging = new Set<string>()
  const held = new Set<HeldMail>()
  let usualMs: number | undefined

  function remember(recipient: string): void {
    hanging.delete(recipient)
    hanging.add(recipient)
    const [oldest] = hanging
    if (hanging.size > maxRemembered && oldest !== undefined) hanging.delete(oldest)
  }

  function hangs({ since, wasHanging }: HeldMail): boolean {
    const hangMs =
      usualMs === undefined ? initialHangMs : Math.max(minHangMs, usualFactor * usualMs)
    return wasHanging || performance.now() - since > hangMs
  }

  return {
    admits: (recipient) => !hanging.has(recipient) || [...held].filter(hangs).length < maxHanging,
    hold(recipient, preempt) {
      const since = performance.now()
      const wasHanging = hanging.has(recipient)
      const mail: HeldMail = {
        since,
        wasHanging,
        inEnvelope: true,
        preempted: false,
        preempt() {
          mail.preempted = true
          remember(recipient)
          preempt()
        },
      }
      held.add(mail)
      return {
        answered() {
          mail.inEnvelope = false
          const tookMs = performance.now() - since
          usualMs = usualMs === undefined ? tookMs : usualMs + (tookMs - usualMs) / 10
        },
        get preempted() {
          return mail.preempted
        },
        end(hung) {
          held.delete(mail)
          if (hung) remember(recipient)
          else if (!mail.preempted) hanging.delete(recipient)
        },
      }
    },
    preemptHanging() {
      const hung = [...held].filter(hangs)
      const tooMany = Math.max(0, hung.length - maxHanging)
      const preemptable = hung.filter((each) => !each.wasHanging && each.inEnvelope)
      // The newest first: those that waited longest may get their answer next.
      for (const each of preemptable.reverse().slice(0, tooMany)) each.preempt()
    },
  }
}
