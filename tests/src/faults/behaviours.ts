import type { Send, Verdict } from './send.js'

/** What a server does differently from a good one. What is left out is done well. */
export interface Behaviour {
  /** To MAIL FROM. */
  readonly mail?: () => Verdict | undefined
  /** To RCPT TO. */
  readonly recipient?: (address: string) => Verdict | undefined
  /** True: the connection is cut after the first bytes of the body. */
  readonly halfWay?: (send: Send) => boolean
  /** To the whole body. */
  readonly body?: (send: Send) => Verdict | undefined
  /** How long the reply to the body is held back. */
  readonly holdMs?: (send: Send) => number
}

/** The first to have an opinion decides. */
export function all(...behaviours: readonly Behaviour[]): Behaviour {
  return {
    mail: () => first(behaviours, (each) => each.mail?.()),
    recipient: (address) => first(behaviours, (each) => each.recipient?.(address)),
    halfWay: (send) => behaviours.some((each) => each.halfWay?.(send)),
    body: (send) => first(behaviours, (each) => each.body?.(send)),
    holdMs: (send) => Math.max(0, ...behaviours.map((each) => each.holdMs?.(send) ?? 0)),
  }
}

export const holdReply = (ms: number): Behaviour => ({ holdMs: () => ms })

/** Every `nth` reply comes late. */
export const answerLate = (nth: number, ms: number): Behaviour => ({
  holdMs: ({ sequence }) => (sequence % nth === 0 ? ms : 0),
})

/** Takes every `nth` mail and loses the 250. */
export const loseReply = (nth: number): Behaviour => ({
  body: ({ sequence }) => (sequence % nth === 0 ? 'lose' : undefined),
})

/** Cuts every `nth` connection half-way through the body. */
export const cutHalfWay = (nth: number): Behaviour => ({
  halfWay: ({ sequence }) => sequence % nth === 0,
})

/** Says 421 where more than `most` mails begin within a second. */
export function busyAbove(most: number): Behaviour {
  let begun: number[] = []
  return {
    mail() {
      const now = Date.now()
      begun = begun.filter((at) => at > now - 1000)
      if (begun.length >= most) return '421 4.7.0 too many mails, come back later'
      begun.push(now)
      return undefined
    },
  }
}

/** Says 451 to a recipient for `ms`, counted from when it is named first. */
export function greylist(recipient: string, ms: number): Behaviour {
  let since: number | undefined
  return {
    recipient(address) {
      if (address !== recipient) return undefined
      since ??= Date.now()
      return Date.now() - since < ms ? '451 4.7.1 greylisted, come back later' : undefined
    },
  }
}

/** Does not answer these recipients. */
export const hangAt = (recipients: readonly string[]): Behaviour => ({
  recipient: (address) => (recipients.includes(address) ? 'hang' : undefined),
})

/** Cuts the connection when this recipient is named. */
export const cutAt = (recipient: string): Behaviour => ({
  recipient: (address) => (address === recipient ? 'cut' : undefined),
})

export const refuse = (recipient: string): Behaviour => ({
  recipient: (address) => (address === recipient ? '550 5.1.1 no such mailbox' : undefined),
})

function first<T>(
  behaviours: readonly Behaviour[],
  ask: (behaviour: Behaviour) => T | undefined,
): T | undefined {
  for (const each of behaviours) {
    const answer = ask(each)
    if (answer !== undefined) return answer
  }
  return undefined
}
