import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { silentLogger } from '@herald/runtime'
import type { SMTPServerSession } from 'smtp-server'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSmtpSender, type SmtpSender } from '#src/smtp/smtp-sender'
import { parseSmtpUrl } from '#src/smtp/smtp-url'
import { type Script, type ScriptedSmtp, startScriptedSmtp } from './scripted-smtp.js'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function serve(script: Script = {}, options = {}): Promise<ScriptedSmtp> {
  const server = await startScriptedSmtp(script, options)
  open.push(server)
  return server
}

function sendTo(url: string, options = {}): SmtpSender {
  const sender = createSmtpSender({
    server: parseSmtpUrl(url),
    connections: 2,
    logger: silentLogger,
    timeouts: { connectMs: 2000, envelopeMs: 2000, replyMs: 2000 },
    ...options,
  })
  open.push(sender)
  return sender
}

const mail = (to = 'ada@example.com', text = 'Hello') => ({
  from: 'herald@localhost',
  to,
  compose: () => Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`),
})

const isHeld = () => true
const atOnce = () => Promise.resolve(isHeld)

/** Both ends of each connection are in this process. */
const openSockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

test('beforeBody is called after the 354, and the body is sent once it resolves', async () => {
  const server = await serve({
    rcpt: (address) => (address.startsWith('no') ? '550 no' : undefined),
  })
  const sender = sendTo(server.url)
  let release = () => {}
  const before = vi.fn(
    () =>
      new Promise<() => boolean>((resolve) => {
        release = () => resolve(isHeld)
      }),
  )

  expect(await sender.send(mail('nobody@example.com'), before)).toMatchObject({
    kind: 'possibleServerFailure',
  })
  expect(before).not.toHaveBeenCalled()

  const sending = sender.send(mail(), before)
  await vi.waitFor(() => expect(before).toHaveBeenCalledOnce(), 60_000)
  // While another mail makes all its round trips, not one byte of this one is to be seen.
  await sender.send(mail('bob@example.com'), atOnce)
  expect(server.begun).toEqual(['bob@example.com'])
  release()
  expect(await sending).toMatchObject({ kind: 'accepted', reply: expect.stringMatching(/^250 /) })
  expect(server.begun).toEqual(['bob@example.com', 'ada@example.com'])
})

test('if beforeBody rejects, nothing is sent, and the next mail is', async () => {
  const server = await serve()
  const sender = sendTo(server.url)
  await expect(sender.send(mail(), () => Promise.reject(new Error('disk full')))).rejects.toThrow(
    'disk full',
  )
  expect(server.bodies).toHaveLength(0)
  expect(await sender.send(mail(), atOnce)).toMatchObject({ kind: 'accepted' })
  expect(server.bodies).toHaveLength(1)
})

test('an attempt that is not held any more when the body is due sends nothing, and the next mail is sent', async () => {
  const server = await serve()
  const sender = sendTo(server.url)
  await expect(sender.send(mail(), async () => () => false)).rejects.toMatchObject({
    name: 'NotHeld',
  })
  expect(server.begun).toEqual([])
  expect(await sender.send(mail(), atOnce)).toMatchObject({ kind: 'accepted' })
  expect(server.bodies).toHaveLength(1)
})

test('if the connection is lost after the 354 and before the body, nothing is unknown', async () => {
  const server = await serve()
  const sender = sendTo(server.url)
  const begins: (() => void)[] = []
  const begin = vi.fn(
    () => new Promise<() => boolean>((resolve) => begins.push(() => resolve(isHeld))),
  )
  const sending = sender.send(mail(), begin)
  await vi.waitFor(() => expect(begins).toHaveLength(1), 60_000)
  server.hangUp()
  await vi.waitFor(() => expect(openSockets()).toBe(0), 60_000)
  begins[0]?.()
  expect(await sending).toMatchObject({ kind: 'possibleServerFailure', unanswered: true })
  expect(server.begun).toEqual([])
})

test('a kept connection that is lost after the 354 is replaced, and beforeBody is awaited again', async () => {
  const server = await serve()
  const sender = sendTo(server.url)
  await sender.send(mail('first@example.com'), atOnce)
  let times = 0
  const begin = async () => {
    times += 1
    if (times === 1) server.hangUp()
    if (times === 1) await vi.waitFor(() => expect(openSockets()).toBe(0), 60_000)
    return isHeld
  }
  expect(await sender.send(mail(), begin)).toMatchObject({ kind: 'accepted' })
  expect(times).toBe(2)
  expect(server.accepted).toHaveLength(2)
})

test.each([
  ['rcpt', '450 4.2.0 greylisted', 'deferred'],
  ['rcpt', '550 5.1.1 no such mailbox', 'refused'],
  ['rcpt', '421 4.3.2 shutting down', 'possibleServerFailure'],
  ['mail', '451 4.3.0 try later', 'outage'],
  ['mail', '452 4.3.1 disk full', 'possibleServerFailure'],
  ['mail', '550 5.7.1 this sender is not allowed', 'outage'],
  ['mail', '552 5.3.4 message too big', 'tooLarge'],
  ['mail', '530 5.7.0 authentication required', 'outage'],
  ['body', '451 4.3.0 try later', 'possibleServerFailure'],
  ['body', '554 5.7.1 this looks like spam', 'possibleServerFailure'],
  ['body', '421 4.3.2 shutting down', 'possibleServerFailure'],
  ['body', 'hang up', 'unknown'],
  ['rcpt', 'hang up', 'possibleServerFailure'],
  ['mail', 'hang up', 'possibleServerFailure'],
] as const)('the reply to %s %j gives %s', async (step, answer, kind) => {
  const server = await serve({ [step]: () => answer })
  const sender = sendTo(server.url)
  expect(await sender.send(mail(), atOnce)).toMatchObject({ kind })
  server.script = {}
  expect(await sender.send(mail(), atOnce), 'the next mail').toMatchObject({ kind: 'accepted' })
})

test('without a reply to the body the result is unknown, after the timeout', async () => {
  const server = await serve({ body: () => new Promise(() => {}) })
  const sender = sendTo(server.url, {
    timeouts: { connectMs: 2000, envelopeMs: 2000, replyMs: 150 },
  })
  expect(await sender.send(mail(), atOnce)).toEqual({
    kind: 'unknown',
    reason: 'no reply to the body in time',
  })
})

test('one timeout limits the wait for every reply', async () => {
  const server = await serve({ body: () => new Promise(() => {}) })
  const sender = sendTo(server.url, { timeouts: {}, timeoutMs: 1500 })
  expect(await sender.send(mail(), atOnce)).toMatchObject({ kind: 'unknown' })
})

test('a server without a greeting is an outage, after the timeout', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  open.push(silent)
  const { port } = silent.address() as AddressInfo
  const timeouts = { connectMs: 150, envelopeMs: 150, replyMs: 150 }
  const sender = sendTo(`smtp://127.0.0.1:${port}`, { timeouts })
  expect(await sender.send(mail(), atOnce)).toMatchObject({ kind: 'outage' })
})

test('an unreachable server is an outage that names host and port', async () => {
  const server = await startScriptedSmtp()
  await server.close()
  const sender = sendTo(server.url)
  expect(await sender.send(mail(), atOnce)).toMatchObject({
    kind: 'outage',
    reason: expect.stringContaining(`the mail server 127.0.0.1:${server.port} cannot be used`),
  })
  await expect(sender.probe()).rejects.toThrow('ECONNREFUSED')
})

test('connections are reused, and a stale one is replaced', async () => {
  const server = await serve()
  const sender = sendTo(server.url)
  for (let count = 0; count < 5; count += 1) await sender.send(mail(), atOnce)
  expect(server.connections).toBe(1)
  server.hangUp()
  expect(await sender.send(mail(), atOnce)).toMatchObject({ kind: 'accepted' })
  expect(server.connections).toBe(2)
  expect(server.accepted).toHaveLength(6)
})

test('at most as many connections are open as allowed, and waiting mails are sent later', async () => {
  let now = 0
  let most = 0
  const server = await serve({
    async body() {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 10))
      now -= 1
      return undefined
    },
  })
  const sender = sendTo(server.url)
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => sender.send(mail(), atOnce)))
  expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true)
  expect(most).toBe(2)
  expect(server.connections).toBe(2)
})

test('an address beyond ASCII is sent only to a server with SMTPUTF8', async () => {
  const takes = await serve({}, { hideSMTPUTF8: false })
  const utf8 = mail('grüße@example.com')
  expect(await sendTo(takes.url).send(utf8, atOnce)).toMatchObject({ kind: 'accepted' })
  expect(takes.accepted[0]?.to).toBe('grüße@example.com')

  const refuses = await serve({}, { hideSMTPUTF8: true })
  const before = vi.fn(atOnce)
  const sender = sendTo(refuses.url)
  expect(await sender.send(utf8, before)).toEqual({
    kind: 'refused',
    failure: 'recipient refused',
    reply: expect.stringContaining('does not offer SMTPUTF8'),
  })
  expect(before).not.toHaveBeenCalled()
  expect(await sender.send(mail(), atOnce)).toMatchObject({ kind: 'accepted' })
})

test('a mail larger than the SIZE of the server is not sent', async () => {
  const server = await serve({}, { size: 1000 })
  const sender = sendTo(server.url)
  expect(await sender.send(mail('ada@example.com', 'x'.repeat(2000)), atOnce)).toMatchObject({
    kind: 'tooLarge',
  })
  expect(server.bodies).toHaveLength(0)
})

test('wrong credentials are an outage that names the reason and no secret', async () => {
  const server = await serve(
    {},
    {
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      authOptional: false,
      onAuth: (
        { username, password }: { username: string; password: string },
        _session: unknown,
        done: (error: Error | null, result?: { user: string }) => void,
      ) =>
        password === 'p@ss/word'
          ? done(null, { user: username })
          : done(new Error('wrong password')),
    },
  )
  const at = server.url.slice('smtp://'.length)
  const right = sendTo(`smtp://me:p%40ss%2Fword@${at}`)
  expect(await right.send(mail(), atOnce)).toMatchObject({ kind: 'accepted' })
  const wrong = await sendTo(`smtp://me:other@${at}`).send(mail(), atOnce)
  expect(wrong).toMatchObject({
    kind: 'outage',
    reason: expect.stringContaining('refuses the credentials'),
  })
  expect(JSON.stringify(wrong)).not.toContain('other')
})

describe('OAuth 2.0', () => {
  /** Gives out `token` for the right refresh token, and counts. */
  async function tokenServer(token: string) {
    const asked: string[] = []
    const server = createHttpServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      asked.push(body)
      const isRight = new URLSearchParams(body).get('refresh_token') === 'refresh'
      const answer = isRight
        ? { access_token: token, expires_in: 3600 }
        : { error: 'invalid_grant', error_description: 'the token was revoked' }
      response.end(JSON.stringify(answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push(server)
    const { port } = server.address() as AddressInfo
    return { asked, tokenUrl: `http://127.0.0.1:${port}/token` }
  }

  const client = { clientId: 'id', clientSecret: 'client-secret', refreshToken: 'refresh' }

  async function serveTokens(accepted: string) {
    return serve(
      {},
      {
        disabledCommands: ['STARTTLS'],
        allowInsecureAuth: true,
        authOptional: false,
        authMethods: ['XOAUTH2'],
        onAuth: (
          { username, accessToken }: { username: string; accessToken: string },
          _session: unknown,
          done: (error: Error | null, result?: { user: string }) => void,
        ) =>
          accessToken === accepted
            ? done(null, { user: username })
            : done(new Error('wrong token')),
      },
    )
  }

  test('logs in with an access token, which all connections share', async () => {
    const { asked, tokenUrl } = await tokenServer('access')
    const server = await serveTokens('access')
    const at = server.url.slice('smtp://'.length)
    const sender = sendTo(`smtp://me%40example.com@${at}`, { oauth2: { ...client, tokenUrl } })
    const sent = await Promise.all([1, 2, 3, 4].map(() => sender.send(mail(), atOnce)))
    expect(sent.map(({ kind }) => kind)).toEqual(Array(4).fill('accepted'))
    expect(server.connections).toBe(2)
    expect(asked).toHaveLength(1)
    expect(asked[0]).toContain('grant_type=refresh_token')
  })

  test.each([
    ['a refused refresh token', { refreshToken: 'revoked-token' }, 'the token was revoked'],
    ['a refused access token', {}, 'refuses the credentials'],
  ])('%s is an outage that names no secret', async (_, changed, reason) => {
    const { tokenUrl } = await tokenServer('access-token')
    const server = await serveTokens('another')
    const at = server.url.slice('smtp://'.length)
    const oauth2 = { ...client, ...changed, tokenUrl }
    const outcome = await sendTo(`smtp://me@${at}`, { oauth2 }).send(mail(), atOnce)
    expect(outcome).toMatchObject({ kind: 'outage', reason: expect.stringContaining(reason) })
    expect(JSON.stringify(outcome)).not.toMatch(/client-secret|revoked-token|access-token/)
  })
})

test('EHLO gives the configured name', async () => {
  const names: unknown[] = []
  const server = await serve(
    {},
    {
      onMailFrom(_address: unknown, session: SMTPServerSession, done: () => void) {
        names.push(session.hostNameAppearsAs)
        done()
      },
    },
  )
  const sender = sendTo(server.url, { ehloName: 'herald.example.com' })
  expect(await sender.send(mail(), atOnce)).toMatchObject({ kind: 'accepted' })
  expect(names).toEqual(['herald.example.com'])
})

test('STARTTLS with an untrusted certificate is an outage; ?tls=never does not use it', async () => {
  const server = await serve({}, { disabledCommands: ['AUTH'] })
  expect(await sendTo(server.url).send(mail(), atOnce)).toMatchObject({ kind: 'outage' })
  expect(await sendTo(`${server.url}?tls=never`).send(mail(), atOnce)).toMatchObject({
    kind: 'accepted',
  })
})

test('STARTTLS that is required and not offered is an outage', async () => {
  const server = await serve()
  expect(await sendTo(`${server.url}?tls=required`).send(mail(), atOnce)).toMatchObject({
    kind: 'outage',
  })
  expect(server.bodies).toHaveLength(0)
})

test('closing ends mails in flight and mails that wait', async () => {
  const server = await serve({ body: () => new Promise(() => {}) })
  const sender = sendTo(server.url, { connections: 1 })
  const inFlight = sender.send(mail(), atOnce)
  await vi.waitFor(() => expect(server.bodies).toHaveLength(1), 60_000)
  const waiting = sender.send(mail(), atOnce)
  sender.close()
  expect(await inFlight).toMatchObject({ kind: 'unknown' })
  expect(await waiting).toMatchObject({ kind: 'outage' })
})

describe('mailboxes for which the server does not answer', () => {
  const hanging = { rcpt: (address: string) => (address.startsWith('hang') ? 'hang' : undefined) }
  const patient = { connectMs: 2000, envelopeMs: 20_000, replyMs: 2000 }

  test('hold half of the connections at most, and other mails are sent', async () => {
    const server = await serve(hanging)
    const sender = sendTo(server.url, { connections: 4, timeouts: patient })
    let ended = 0
    const hung = [1, 2, 3, 4].map(async (n) => {
      const outcome = await sender.send(mail(`hang${n}@example.com`), atOnce)
      ended += 1
      return outcome
    })
    const others = Array.from({ length: 20 }, (_, n) =>
      sender.send(mail(`u${n}@example.com`), atOnce),
    )
    for (const outcome of await Promise.all(others)) expect(outcome.kind).toBe('accepted')
    // Two made room, the other two still wait for their answer.
    await vi.waitFor(() => expect(ended).toBe(2), 60_000)
    expect(server.connections).toBeLessThanOrEqual(6)
    const again = await sender.send(mail('hang4@example.com'), atOnce)
    expect(again).toMatchObject({ kind: 'postponed' })
    sender.close()
    expect((await Promise.all(hung)).map(({ kind }) => kind).sort()).toEqual([
      'outage',
      'outage',
      'postponed',
      'postponed',
    ])
  })

  test('wait for their reply while no other mail needs the connection', async () => {
    const server = await serve(hanging)
    const sender = sendTo(server.url, {
      connections: 4,
      timeouts: { ...patient, envelopeMs: 1200 },
    })
    const hung = [1, 2, 3, 4].map((n) => sender.send(mail(`hang${n}@example.com`), atOnce))
    for (const outcome of await Promise.all(hung)) {
      expect(outcome).toMatchObject({ kind: 'possibleServerFailure', unanswered: true })
    }
  })

  test('are treated like all others once the server answers', async () => {
    const server = await serve(hanging)
    const sender = sendTo(server.url, { connections: 2, timeouts: { ...patient, envelopeMs: 300 } })
    expect(await sender.send(mail('hang@example.com'), atOnce)).toMatchObject({
      kind: 'possibleServerFailure',
    })
    server.script = {}
    const both = [1, 2, 3].map(() => sender.send(mail('hang@example.com'), atOnce))
    await Promise.all(both)
    const all = await Promise.all([1, 2].map(() => sender.send(mail('hang@example.com'), atOnce)))
    expect(all.map(({ kind }) => kind)).toEqual(['accepted', 'accepted'])
  })
})
