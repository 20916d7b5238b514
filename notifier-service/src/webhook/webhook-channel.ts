import { createHash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { connect, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { EventEnvelope } from '@herald/broker/message'
import { limitConcurrency } from '@herald/runtime/limit-concurrency'
import type { BeforeBody } from '../before-body.js'
import type { Channel, Outgoing } from '../channel.js'
import { resultOf } from '../response-table.js'
import type { SendResult } from '../send-result.js'
import { httpEvent } from './http-event.js'
import { NoResponse, post } from './post.js'
import { responseOf } from './post-response.js'
import { sign } from './signature.js'

export interface WebhookOptions {
  readonly url: URL
  /** Each request is signed with each of them. */
  readonly keys: readonly Uint8Array[]
  /** Most requests at once. */
  readonly connections: number
  readonly timeoutMs: number
}

/** Posts each event to a program's URL as one signed request. */
export function createWebhookChannel(options: WebhookOptions): Channel {
  const { url, keys, timeoutMs } = options
  const closing = new AbortController()
  // Each request adds a listener.
  setMaxListeners(0, closing.signal)
  const withConnection = limitConcurrency(options.connections)

  async function postEvent(
    { mail, events, record, isWanted }: Outgoing,
    beforeBody: BeforeBody,
  ): Promise<SendResult> {
    const [event] = events
    if (event === undefined) throw new RangeError('A webhook request carries one event.')
    if (!isWanted()) return { kind: 'postponed', reason: 'out of service', retryAfterMs: 0 }
    const { signal } = closing
    if (signal.aborted) return { kind: 'outage', reason: 'the webhook channel is closed' }
    const { headers, body } = httpEvent(event, record?.withoutPreview === true)
    const signed = { ...headers, ...sign(keys, mail.messageId, body), 'user-agent': 'Herald' }
    try {
      const answer = await post({ url, headers: signed, body, timeoutMs, signal }, beforeBody)
      return resultOf(responseOf(answer))
    } catch (error) {
      if (!(error instanceof NoResponse)) throw error
      const reason = `the webhook at ${url.host}: ${error.message}`
      return error.sent
        ? resultOf({ command: 'POST', code: 0, reply: reason })
        : { kind: 'outage', reason, provenByProbe: true }
    }
  }

  return {
    name: 'webhook',
    readyName: 'webhook',
    address: ({ envelope }) => ({
      // Without the query, which may be a secret.
      recipient: `${url.origin}${url.pathname}`,
      from: '',
      messageId: idOf(envelope),
      template: 'cloudevents/1',
    }),
    send: (outgoing, beforeBody) => withConnection(() => postEvent(outgoing, beforeBody)),
    // Connects only: the receiver would take a request for an event.
    probe: () =>
      new Promise((resolve, reject) => {
        const host = url.hostname.replace(/^\[|\]$/g, '')
        const isTls = url.protocol === 'https:'
        const socket = isTls
          ? connectTls({ host, port: Number(url.port) || 443, servername: isIP(host) ? '' : host })
          : connect({ host, port: Number(url.port) || 80 })
        socket.setTimeout(timeoutMs, () => socket.destroy(new Error('it does not answer')))
        socket.once(isTls ? 'secureConnect' : 'connect', () => {
          socket.destroy()
          resolve()
        })
        socket.once('error', reject)
      }),
    close: () => closing.abort(),
  }
}

/** The same for each attempt at one event, and for no other event: receivers deduplicate by it. */
function idOf({ id, source }: EventEnvelope): string {
  return `msg_${createHash('sha256').update(`${source}\n${id}`).digest('hex').slice(0, 32)}`
}
