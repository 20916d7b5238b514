import type { Send, Verdict } from './send.js'

/** How a server misbehaves. Anything not given is handled correctly. */
export interface Behaviour {
  /** To MAIL FROM. */
  readonly mail?: () => Verdict | undefined
  /** To RCPT TO. */
  readonly recipient?: (address: string) => Verdict | undefined
  /** True: the connection is cut after the first bytes of the body. */
  readonly halfWay?: (send: Send) => boolean
  /** To the whole body. */
  readonly body?: (send: Send) => Verdict | undefined
  /** How long the reply to the body is delayed. */
  readonly holdMs?: (send: Send) => number
}

/** The first behaviour that returns a verdict decides. */
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

/** Delays every `nth` reply. */
export const answerLate = (nth: number, ms: number): Behaviour => ({
  holdMs: ({ sequence }) => (sequence % nth === 0 ? ms : 0),
})

/** Accepts every `nth` mail and cuts the connection before the 250. */
export const loseReply = (nth: number): Behaviour => ({
  body: ({ sequence }) => (sequence % nth === 0 ? 'lose-reply' : undefined),
})

/** Cuts every `nth` connection half-way through the body. */
export const cutHalfWay = (nth: number): Behaviour => ({
  halfWay: ({ sequence }) => sequence % nth === 0,
})

/** Replies 421 if more than `max` mails begin within a second. */
export function busyAbove(max: number): Behaviour {
  let startedAt: number[] = []
  return {
    mail() {
      const now = Date.now()
      startedAt = startedAt.filter((at) => at > now - 1000)
      if (startedAt.length >= max) return '421 4.7.0 too many mails, come back later'
      startedAt.push(now)
      return undefined
    },
  }
}

/** Replies 451 to a recipient for `ms` after its first attempt. */
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

/** Does not reply to these recipients. */
export const hangAt = (recipients: readonly string[]): Behaviour => ({
  recipient: (address) => (recipients.includes(address) ? 'hang' : undefined),
})

/** Cuts the connection at this recipient. */
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
