import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Delivery, Handler, Message } from '@herald/broker'
import { fromOutcomeMessage } from '@herald/broker/outcome-message'
import { silentLogger, thisProcess } from '@herald/runtime'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Channel } from '#src/channel'
import { createDeliver } from '#src/deliver'
import { openLmdbLedger } from '#src/ledger/lmdb-ledger'
import type { MailRecord } from '#src/ledger/mail-record'
import { createMailWriter } from '#src/mail/mail-writer'
import { loadTemplates } from '#src/mail/templates'
import { createMailChannel } from '#src/mail-channel'
import { createNotifierMetrics } from '#src/metrics'
import { watchOutage } from '#src/outage'
import { outcomeMessage } from '#src/outcome-message'
import { createServerHealth } from '#src/server-health'
import { createSmtpSender } from '#src/smtp/smtp-sender'
import { parseSmtpUrl } from '#src/smtp/smtp-url'
import { message, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import { type ScriptedSmtp, startScriptedSmtp } from './scripted-smtp.js'

let directory: string
let server: ScriptedSmtp
let closers: (() => unknown)[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'herald-deliver-'))
  server = await startScriptedSmtp()
  closers = [() => rm(directory, { recursive: true, force: true }), () => server.close()]
})
afterEach(async () => {
  for (const close of closers.reverse()) await close()
})

/** The handler with real parts except the dead letters: no broker fails on demand. */
async function handler(
  publishDeadLetter = vi.fn(async (_delivery: Delivery, _reason: { reason: string }) => {}),
  wrap = (channel: Channel) => channel,
) {
  const ledger = await openLmdbLedger({ directory })
  const sender = createSmtpSender({
    server: parseSmtpUrl(server.url),
    connections: 2,
    logger: silentLogger,
    timeouts: { envelopeMs: 1000 },
  })
  const intake = { pause: vi.fn(), resume: vi.fn() }
  const outage = watchOutage({
    intake,
    probe: () => sender.probe(),
    backOff: { firstMs: 10, capMs: 50 },
    logger: silentLogger,
  })
  const metrics = createNotifierMetrics(
    { name: 'mail' },
    { lag: async () => 0, outage: () => false },
  )
  closers.push(
    () => ledger.close(),
    () => sender.close(),
    () => outage.close(),
  )
  const channel = wrap(
    createMailChannel(
      { mailFrom: 'Herald <herald@localhost>', mailTo: 'you@localhost' },
      { writer: createMailWriter(loadTemplates(undefined)), sender },
    ),
  )
  const deliver = createDeliver(
    {
      onUnknown: 'prefer-duplicate',
      maxAttempts: 8,
      maxResends: 2,
      maxAgeMs: 60_000,
      parkForMs: 120_000,
      digests: true,
      backOff: { firstMs: 1, capMs: 1 },
    },
    {
      ledger,
      channel,
      nudge: () => {},
      deadLetters: { publish: publishDeadLetter },
      outage,
      health: createServerHealth(),
      metrics,
      logger: silentLogger,
    },
  )
  return { deliver, ledger, publishDeadLetter, intake }
}

const arrived = (published: Message): Delivery => ({
  ...published,
  topic: 'notifications',
  position: '0/0',
  publishedAt: new Date(),
  attempt: 1,
})

/** The name of a process of this machine. */
const holderOf = (pid: number) => `${thisProcess.scope}-${pid}-`

const context = () => ({ signal: new AbortController().signal })

test('an event whose dead letter could not be published is not acknowledged, and its mail is not resent', async () => {
  const rcpt = vi.fn(() => '550 5.1.1 no such mailbox')
  server.script = { rcpt }
  const publishDeadLetter = vi.fn(async () => {})
  publishDeadLetter.mockRejectedValueOnce(new Error('the broker is away'))
  const { deliver } = await handler(publishDeadLetter)
  const delivery = arrived(message(fileConverted()))
  await expect(deliver(delivery, context())).rejects.toThrow('the broker is away')
  await deliver(delivery, context())
  await deliver(delivery, context())
  expect(publishDeadLetter).toHaveBeenCalledTimes(2)
  expect(rcpt).toHaveBeenCalledOnce()
})

test('bytes that are not an event are acknowledged only after their dead letter is published', async () => {
  const publishDeadLetter = vi.fn(async () => {})
  publishDeadLetter.mockRejectedValueOnce(new Error('the broker is away'))
  const { deliver } = await handler(publishDeadLetter)
  const delivery = arrived({ key: null, value: Buffer.from('?'), headers: {} })
  await expect(deliver(delivery, context())).rejects.toThrow('the broker is away')
  await deliver(delivery, context())
  expect(publishDeadLetter).toHaveBeenCalledTimes(2)
})

test('the same event delivered twice at once becomes one mail', async () => {
  let answer = () => {}
  server.script = { body: () => new Promise((resolve) => (answer = () => resolve(undefined))) }
  const { deliver } = await handler()
  const delivery = arrived(message(fileConverted()))
  const both = Promise.allSettled([deliver(delivery, context()), deliver(delivery, context())])
  await vi.waitFor(() => expect(server.bodies).toHaveLength(1), 60_000)
  await expect(deliver(delivery, context())).rejects.toMatchObject({ name: 'RetryLater' })
  answer()
  expect((await both).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(server.bodies).toHaveLength(1)
})

test('a mail that another live process is sending is not sent here', async () => {
  const other = await openLmdbLedger({ directory, holder: holderOf(process.ppid) })
  closers.push(() => other.close())
  const id = uuidv7()
  const delivery = arrived(message(fileConverted(), id))
  await other.begin(
    { id, source: '//herald.test/client' },
    {
      eventIds: [id],
      recipient: 'ada@example.com',
      from: 'x',
      messageId: '<x@y>',
      template: '1/en',
    },
  )
  const { deliver } = await handler()
  await expect(deliver(delivery, context())).rejects.toMatchObject({ name: 'RetryLater' })
  expect(server.bodies).toEqual([])
})

test('an event whose partition was revoked is not sent, even if that happens just before the 354', async () => {
  const { deliver, ledger } = await handler()
  const id = uuidv7()
  const delivery = arrived(message(fileConverted(), id))
  const gone = new AbortController()
  server.script = {
    rcpt: () => {
      gone.abort()
      return undefined
    },
  }
  await expect(deliver(delivery, { signal: gone.signal })).rejects.toThrow()
  await expect(deliver(delivery, { signal: gone.signal })).rejects.toThrow()
  expect(server.bodies).toEqual([])
  expect(await ledger.findById(id)).toEqual([])
})

test('a mail that was begun and then postponed is attempted again', async () => {
  let times = 0
  const { deliver, ledger } = await handler(undefined, (channel) => ({
    ...channel,
    // As if a kept connection was lost after the 354, and the new one was preempted.
    async send(outgoing, beforeBody) {
      times += 1
      if (times > 1) return channel.send(outgoing, beforeBody)
      await beforeBody()
      return { kind: 'postponed', reason: 'other mails go first', retryAfterMs: 0 }
    },
  }))
  const id = uuidv7()
  const delivery = arrived(message(fileConverted(), id))
  await expect(deliver(delivery, context())).rejects.toMatchObject({ name: 'RetryLater' })
  await deliver(delivery, context())
  expect(server.accepted).toHaveLength(1)
  expect(await ledger.findById(id)).toMatchObject([{ state: 'accepted', attempts: 1 }])
})

test('a mail that was begun is sent on a new connection, also after its partition was revoked', async () => {
  const revoked = new AbortController()
  const { deliver } = await handler(undefined, (channel) => ({
    ...channel,
    async send(outgoing, beforeBody) {
      await beforeBody()
      revoked.abort()
      return channel.send(outgoing, beforeBody)
    },
  }))
  await deliver(arrived(message(fileConverted())), { signal: revoked.signal })
  expect(server.accepted).toHaveLength(1)
})

test('an event without a recipient goes to the default recipient', async () => {
  const { deliver } = await handler()
  await deliver(arrived(message(fileConverted({ recipient: null }))), context())
  expect(server.accepted[0]?.to).toBe('you@localhost')
})

test('a mail that is tried for too long is given up', async () => {
  server.script = { rcpt: () => '450 later' }
  vi.useFakeTimers({ toFake: ['Date'] })
  closers.push(() => vi.useRealTimers())
  const { deliver, publishDeadLetter } = await handler()
  const delivery = arrived(message(fileConverted()))
  await expect(deliver(delivery, context())).rejects.toMatchObject({ name: 'RetryLater' })
  vi.setSystemTime(Date.now() + 61_000)
  await deliver(delivery, context())
  expect(publishDeadLetter.mock.calls[0]?.[1]).toEqual({
    reason: 'Given up after 2 attempts; the last answer: 450 later',
    attempts: 2,
  })
})

/** Delivers the event until it is acknowledged, as a broker does. */
async function deliverUntilDone(deliver: Handler, delivery: Delivery): Promise<void> {
  await vi.waitFor(() => deliver(delivery, context()), { timeout: 60_000, interval: 5 })
}

test('a mail that gets no reply is resent twice, whatever other attempts it has had', async () => {
  server.script = { body: () => 'hang up' }
  const { deliver, ledger, publishDeadLetter } = await handler()
  const id = uuidv7()
  await deliverUntilDone(deliver, arrived(message(fileConverted(), id)))
  expect(server.bodies).toHaveLength(3)
  expect(publishDeadLetter.mock.calls[0]?.[1]).toMatchObject({ attempts: 3 })
  expect(await ledger.findById(id)).toMatchObject([{ state: 'failed', possiblyDelivered: true }])
})

test('a mail that may have been delivered stays possibly delivered, however it fails later', async () => {
  server.script = { body: () => 'hang up' }
  const { deliver, ledger } = await handler()
  const id = uuidv7()
  const delivery = arrived(message(fileConverted(), id))
  await expect(deliver(delivery, context())).rejects.toMatchObject({ name: 'RetryLater' })
  server.script = { rcpt: () => '550 5.1.1 no such mailbox' }
  await deliverUntilDone(deliver, delivery)
  const [record] = await ledger.findById(id)
  expect(record).toMatchObject({ state: 'failed' })
  const outcome = fromOutcomeMessage(
    arrived(
      outcomeMessage(
        { event: { id, source: '//herald.test/client' }, record: record as MailRecord },
        { name: 'mail' },
      ),
    ),
  )
  expect(outcome?.event.data).toMatchObject({ possiblyDelivered: true })
})

test.each(['hang', 'hang up'] as const)(
  'a mailbox for which the server does "%s" costs its own mail an attempt, and pauses no other',
  async (answer) => {
    server.script = { rcpt: (address) => (address.startsWith('bad') ? answer : undefined) }
    const { deliver, ledger, intake } = await handler()
    const id = uuidv7()
    const bad = arrived(message(fileConverted({ recipient: { address: 'bad@example.com' } }), id))
    await vi.waitFor(
      async () => {
        const handled = deliver(bad, context()).catch((error: unknown) => error)
        await deliver(arrived(message(fileConverted())), context())
        expect(await handled).toMatchObject({ name: 'RetryLater' })
        expect(await ledger.findById(id)).toMatchObject([{ state: 'deferred', attempts: 1 }])
      },
      { timeout: 60_000 },
    )
    expect(intake.pause).not.toHaveBeenCalled()
  },
)

test('a mail does not wait longer than planned if the clock is set back', async () => {
  server.script = { rcpt: () => '450 later' }
  vi.useFakeTimers({ toFake: ['Date'] })
  closers.push(() => vi.useRealTimers())
  const { deliver } = await handler()
  const delivery = arrived(message(fileConverted()))
  await expect(deliver(delivery, context())).rejects.toMatchObject({ name: 'RetryLater' })
  vi.setSystemTime(Date.now() - 3_600_000)
  server.script = {}
  await deliver(delivery, context())
  expect(server.accepted).toHaveLength(1)
})

test('the time that a mail waits for a policy or an outage does not count towards its age', async () => {
  server.script = { rcpt: () => '554 5.7.1 relay access denied' }
  vi.useFakeTimers({ toFake: ['Date'] })
  closers.push(() => vi.useRealTimers())
  const { deliver, publishDeadLetter } = await handler()
  const delivery = arrived(message(fileConverted()))
  await expect(deliver(delivery, context())).rejects.toMatchObject({ name: 'RetryLater' })
  server.script = { rcpt: () => '450 later' }
  for (const waitMs of [61_000, 5000]) {
    vi.setSystemTime(Date.now() + waitMs)
    await expect(deliver(delivery, context())).rejects.toMatchObject({ name: 'RetryLater' })
  }
  expect(publishDeadLetter).not.toHaveBeenCalled()
})
