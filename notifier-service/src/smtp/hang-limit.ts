/** A mail that has a connection. */
export interface Held {
  /** The server answered the envelope. */
  answered(): void
  /** It was ended by `giveWay`. */
  readonly gaveWay: boolean
  /** `hung`: it ended without an answer. */
  end(hung: boolean): void
}

/**
 * Limits mails without an answer from the server to half of the connections. Which these are shows
 * only with time: a mail that waits for long, while others wait for a connection, is ended and
 * tried again within that half.
 */
export interface HangLimit {
  /** Whether a mail to this recipient may have a connection now. */
  admits(recipient: string): boolean
  /** A mail gets a connection. `giveWay` is called, at most once, to end it before the 354. */
  hold(recipient: string, giveWay: () => void): Held
  /** To be called while others wait for a connection: ends mails beyond the limit. */
  makeRoom(): void
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
  gaveWay: boolean
  readonly giveWay: () => void
}

export function createHangLimit(connections: number): HangLimit {
  const share = Math.max(1, Math.floor(connections / 2))
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
    admits: (recipient) => !hanging.has(recipient) || [...held].filter(hangs).length < share,
    hold(recipient, giveWay) {
      const since = performance.now()
      const wasHanging = hanging.has(recipient)
      const mail: HeldMail = {
        since,
        wasHanging,
        inEnvelope: true,
        gaveWay: false,
        giveWay() {
          mail.gaveWay = true
          remember(recipient)
          giveWay()
        },
      }
      held.add(mail)
      return {
        answered() {
          mail.inEnvelope = false
          const tookMs = performance.now() - since
          usualMs = usualMs === undefined ? tookMs : usualMs + (tookMs - usualMs) / 10
        },
        get gaveWay() {
          return mail.gaveWay
        },
        end(hung) {
          held.delete(mail)
          if (hung) remember(recipient)
          else if (!mail.gaveWay) hanging.delete(recipient)
        },
      }
    },
    makeRoom() {
      const holding = [...held].filter(hangs)
      const tooMany = Math.max(0, holding.length - share)
      const mayGiveWay = holding.filter((each) => !each.wasHanging && each.inEnvelope)
      // The newest first: those that waited longest may get their answer next.
      for (const each of mayGiveWay.reverse().slice(0, tooMany)) each.giveWay()
    },
  }
}
