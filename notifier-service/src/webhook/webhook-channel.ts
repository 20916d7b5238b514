import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import type { EventEnvelope } from '@herald/broker/message'
import type { Channel } from '../channel.js'
import type { SendOutcome } from '../send-outcome.js'
import { httpEvent } from './http-event.js'
import { judgeAnswer } from './judge-answer.js'
import { NoAnswer, post } from './post.js'
import { sign } from './signature.js'

export interface WebhookOptions {
  readonly url: URL
  /** The key that each request is signed with. */
  readonly key: Uint8Array
  readonly timeoutMs: number
}

/** Tells a program by HTTP: each event as one signed POST. */
export function createWebhookChannel({ url, key, timeoutMs }: WebhookOptions): Channel {
  const closing = new AbortController()
  return {
    name: 'webhook',
    readyName: 'webhook',
    address: ({ envelope }) => ({
      // Without what may be a secret.
      recipient: `${url.origin}${url.pathname}`,
      from: '',
      messageId: idOf(envelope),
      template: 'cloudevents/1',
    }),
    async send({ mail, events, record }, beforeBody): Promise<SendOutcome> {
      const [event] = events
      if (event === undefined) throw new RangeError('A webhook tells of one event.')
      const { headers, body } = httpEvent(event, record?.withoutPreview === true)
      try {
        const signed = { ...headers, ...sign(key, mail.messageId, body), 'user-agent': 'Herald' }
        const { signal } = closing
        return judgeAnswer(
          await post({ url, headers: signed, body, timeoutMs, signal }, beforeBody),
        )
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
        const reason = `the webhook at ${url.host}: ${error.message}`
        return error.sent ? { kind: 'unknown', reason } : { kind: 'outage', reason }
      }
    },
    // A request would be an event to the receiver: that somebody listens must do.
    probe: () =>
      new Promise((resolve, reject) => {
        const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
        const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port })
        socket.setTimeout(timeoutMs, () => socket.destroy(new Error('it does not answer')))
        socket.once('connect', () => {
          socket.destroy()
          resolve()
        })
        socket.once('error', reject)
      }),
    close: () => closing.abort(),
  }
}

/** The same for each attempt at one event, and for no other: a receiver knows by it what it has. */
function idOf({ id, source }: EventEnvelope): string {
  return `msg_${createHash('sha256').update(`${source}\n${id}`).digest('hex').slice(0, 32)}`
}
