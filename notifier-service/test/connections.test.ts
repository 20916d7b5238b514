import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fromMessage } from '@herald/broker/message'
import { silentLogger } from '@herald/runtime'
import { afterEach, expect, test } from 'vitest'
import type { Channel, Outgoing } from '#src/channel'
import { createSmtpSender } from '#src/smtp/smtp-sender'
import { parseSmtpUrl } from '#src/smtp/smtp-url'
import { parseSecrets } from '#src/webhook/signature'
import { createWebhookChannel } from '#src/webhook/webhook-channel'
import { message } from './publish.js'
import { fileConverted } from './sample-events.js'
import { startScriptedSmtp } from './scripted-smtp.js'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Counts what is open at once. */
function gauge() {
  let open = 0
  return {
    max: 0,
    begin() {
      open += 1
      this.max = Math.max(this.max, open)
    },
    end() {
      open -= 1
    },
  }
}

function outgoing(channel: Channel): Outgoing {
  const received = fromMessage(message(fileConverted()))
  const mail = { ...channel.address(received), eventIds: [received.envelope.id] }
  return { mail, events: [received], record: undefined, isWanted: () => true }
}

test('a webhook with two connections gets at most two requests at once', async () => {
  const requests = gauge()
  const server = createServer((request, response) => {
    requests.begin()
    // Long enough for every request that is made at once to arrive.
    const answer = () => {
      requests.end()
      response.writeHead(204).end()
    }
    request.resume().once('end', () => setTimeout(answer, 20))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const channel = createWebhookChannel({
    url: new URL(`http://127.0.0.1:${port}/hook`),
    keys: parseSecrets('whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAAAAAAAAAAA='),
    connections: 2,
    timeoutMs: 10_000,
  })
  closers.push(() => channel.close())
  const sent = Array.from({ length: 32 }, () =>
    channel.send(outgoing(channel), async () => () => true),
  )
  const kinds = (await Promise.all(sent)).map(({ kind }) => kind)
  expect(new Set(kinds)).toEqual(new Set(['accepted']))
  expect(requests.max).toBe(2)
})

test('a mail server with two connections gets no third, even if some mails are refused', async () => {
  const sessions = gauge()
  const server = await startScriptedSmtp(
    { rcpt: (address) => (address.startsWith('busy') ? '450 later' : undefined) },
    {
      onConnect(_session, done) {
        sessions.begin()
        done()
      },
      onClose: () => sessions.end(),
    },
  )
  closers.push(() => server.close())
  const sender = createSmtpSender({
    server: parseSmtpUrl(server.url),
    connections: 2,
    logger: silentLogger,
  })
  closers.push(() => sender.close())
  const sent = Array.from({ length: 240 }, (_, n) => {
    const to = `${n % 3 === 0 ? 'busy' : 'ada'}@example.com`
    const compose = () => Buffer.from('Subject: x\r\n\r\nx\r\n')
    return sender.send({ from: 'a@example.com', to, compose }, async () => () => true)
  })
  const kinds = (await Promise.all(sent)).map(({ kind }) => kind)
  expect(kinds).toContain('accepted')
  expect(kinds).toContain('deferred')
  expect(sessions.max).toBe(2)
})
