import { crc32 } from 'node:zlib'
import PostalMime from 'postal-mime'
import { expect, test, vi } from 'vitest'
import { message, publish, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import { type ScriptedSmtp, startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()
const patience = { timeout: 60_000, interval: 50 }

const to = (address: string, name: string) =>
  fileConverted({
    recipient: { address },
    source: { name, mediaType: 'image/jpeg', sizeBytes: 1000, pages: 1 },
  })

/** A server that greylists `ada@` until `busy.ada` is false. */
async function greylistingServer() {
  const busy = { ada: true, tries: 0 }
  const server = await startScriptedSmtp({
    rcpt(address) {
      if (!address.startsWith('ada')) return undefined
      busy.tries += 1
      return busy.ada ? '451 4.7.1 greylisted' : undefined
    },
  })
  stage.defer(() => server.close())
  return { server, busy }
}

const namesTo = async (server: ScriptedSmtp, who: string) => {
  const mails = server.accepted.filter((mail) => mail.to.startsWith(who))
  return Promise.all(
    mails.map(
      async ({ raw }) =>
        (await PostalMime.parse(Buffer.from(raw, 'latin1'))).subject?.split(' ')[0],
    ),
  )
}

async function deliveryOf(probesUrl: string, id: string) {
  const response = await fetch(`${probesUrl}/deliveries/${id}`)
  const { deliveries } = (await response.json()) as { deliveries?: Record<string, unknown>[] }
  return deliveries?.[0]
}

async function gauge(probesUrl: string, name: string): Promise<number> {
  const metrics = await (await fetch(`${probesUrl}/metrics`)).text()
  return Number(new RegExp(`^herald_notifier_${name}\\{.*\\} (\\d+)$`, 'm').exec(metrics)?.[1])
}

const lag = (probesUrl: string) => gauge(probesUrl, 'lag_events')

const names = ['1.jpg', '2.jpg', '3.jpg', '4.jpg']

test('the mails of a mailbox that is parked for long are deferred: the offset moves on, and they are sent in order later', async () => {
  const { server, busy } = await greylistingServer()
  const env = { HERALD_SMTP: server.url, HERALD_PARK_FOR: '1s' }
  const notifier = await stage.start(env)
  const ids = names.map(() => uuidv7())
  const event = (index: number) =>
    message(to('ada@example.com', names[index] ?? ''), ids[index] ?? '')
  await publish(stage.broker, [event(0), event(1)])
  await vi.waitFor(async () => {
    expect(await deliveryOf(notifier.probesUrl, ids[1] ?? '')).toMatchObject({ deferred: true })
    expect(await lag(notifier.probesUrl)).toBe(0)
  }, patience)
  expect(await gauge(notifier.probesUrl, 'deferred_events')).toBe(2)
  expect(await deliveryOf(notifier.probesUrl, ids[0] ?? '')).toMatchObject({
    state: 'deferred',
    topic: 'notifications',
    partition: expect.any(Number),
    offset: expect.any(String),
    deferredSince: expect.any(String),
    nextAttemptAt: expect.any(String),
    reply: expect.stringContaining('greylisted'),
  })
  // Later events wait behind them, although the mailbox accepts mail again.
  await notifier.stop('SIGKILL')
  await publish(stage.broker, [event(2), event(3)])
  busy.ada = false
  const restarted = await stage.start(env)
  await vi.waitFor(() => expect(server.accepted).toHaveLength(4), patience)
  expect(await namesTo(server, 'ada')).toEqual(names)
  await vi.waitFor(async () => {
    for (const id of ids) {
      expect(await deliveryOf(restarted.probesUrl, id)).toMatchObject({
        state: 'accepted',
        deferred: false,
      })
    }
  }, patience)
  expect(JSON.stringify([notifier.log, restarted.log])).not.toContain('@example.com')
})

test('a notifier sends what another one deferred that is gone', async () => {
  const { server, busy } = await greylistingServer()
  const env = { HERALD_SMTP: server.url, HERALD_PARK_FOR: '1s' }
  const first = await stage.start(env)
  const id = uuidv7()
  await publish(stage.broker, [message(to('ada@example.com', '1.jpg'), id)])
  await vi.waitFor(
    async () => expect(await deliveryOf(first.probesUrl, id)).toMatchObject({ deferred: true }),
    patience,
  )
  await stage.start(env)
  await first.stop('SIGKILL')
  busy.ada = false
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)
})

test('a deferred mail that has used up its attempts becomes a dead letter, and the next one is sent', async () => {
  const { server } = await greylistingServer()
  const dead = await stage.deadLetters()
  const notifier = await stage.startHere({
    HERALD_SMTP: server.url,
    HERALD_PARK_FOR: '0s',
    HERALD_MAIL_ATTEMPTS: '2',
  })
  const original = message(to('ada@example.com', '1.jpg'))
  await publish(stage.broker, [original])
  await vi.waitFor(() => expect(dead).toHaveLength(1), patience)
  const [deadLetter] = dead
  const header = (name: string) => String(Buffer.from(deadLetter?.headers[name] ?? []))
  expect(header('herald_dead_letter_reason')).toContain('451 4.7.1 greylisted')
  expect(header('herald_dead_letter_attempts')).toBe('2')
  expect(header('herald_dead_letter_topic')).toBe('notifications')
  expect(Buffer.from(deadLetter?.value ?? [])).toEqual(Buffer.from(original.value))
  expect(await lag(notifier.probesUrl)).toBe(0)
})

test('the parked mails of one mailbox do not fill the buffer', async () => {
  const { server } = await greylistingServer()
  // One connection: at most 40 events are delivered and not acknowledged.
  const notifier = await stage.startHere({
    HERALD_SMTP: server.url,
    HERALD_SMTP_CONNECTIONS: '1',
    HERALD_PARK_FOR: '10m',
  })
  const slow = Array.from({ length: 120 }, (_, n) => message(to('ada@example.com', `${n}.jpg`)))
  const others = Array.from({ length: 30 }, (_, n) =>
    // The same partition: it depends on the key alone.
    ({ ...message(to(`bob${n}@example.com`, 'b.jpg')), key: samePartition(n) }),
  )
  await publish(stage.broker, [...slow, ...others])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(30), patience)
  await vi.waitFor(async () => expect(await lag(notifier.probesUrl)).toBeLessThan(40), patience)
})

/** A key of the same partition of the embedded broker's eight as `ada@example.com`. */
function samePartition(n: number): string {
  const partition = crc32('ada@example.com') % 8
  for (let count = 0; ; count += 1) {
    const key = `bob${n}-${count}`
    if (crc32(key) % 8 === partition) return key
  }
}

test('SIGTERM lets a deferred mail in flight finish, and the exit status is 0', async () => {
  const { server, busy } = await greylistingServer()
  const env = { HERALD_SMTP: server.url, HERALD_PARK_FOR: '0s' }
  const notifier = await stage.start(env)
  const [id, next] = [uuidv7(), uuidv7()]
  await publish(stage.broker, [message(to('ada@example.com', '1.jpg'), id)])
  await vi.waitFor(
    async () => expect(await deliveryOf(notifier.probesUrl, id)).toMatchObject({ deferred: true }),
    patience,
  )
  let answer = () => {}
  server.script = { body: () => new Promise((resolve) => (answer = () => resolve(undefined))) }
  await publish(stage.broker, [message(to('ada@example.com', '2.jpg'), next)])
  await vi.waitFor(() => expect(server.bodies).toHaveLength(1), patience)
  await vi.waitFor(
    async () =>
      expect(await deliveryOf(notifier.probesUrl, next)).toMatchObject({ deferred: true }),
    patience,
  )
  const stopped = notifier.stop('SIGTERM')
  await vi.waitFor(
    () => expect(notifier.log).toContainEqual(expect.objectContaining({ msg: 'stopping' })),
    patience,
  )
  answer()
  expect(await stopped).toBe(0)
  expect(server.accepted).toHaveLength(1)
  busy.ada = false
  server.script = {}
  await stage.start(env)
  await vi.waitFor(() => expect(server.accepted).toHaveLength(2), patience)
  expect(await namesTo(server, 'ada')).toEqual(['1.jpg', '2.jpg'])
})

test('a mail that is too large is resent once without its preview, and then given up', async () => {
  const server = await startScriptedSmtp({
    body: ({ to: address, raw }) =>
      address.startsWith('eve') || raw.includes('Content-ID')
        ? '552 5.3.4 message too big'
        : undefined,
  })
  stage.defer(() => server.close())
  const dead = await stage.deadLetters()
  const notifier = await stage.startHere({ HERALD_SMTP: server.url })
  const [small, never] = [uuidv7(), uuidv7()]
  await publish(stage.broker, [
    message(to('ada@example.com', '1.jpg'), small),
    message(to('eve@example.com', '2.jpg'), never),
  ])
  await vi.waitFor(() => expect(dead).toHaveLength(1), patience)
  await vi.waitFor(async () => {
    expect(await deliveryOf(notifier.probesUrl, small)).toMatchObject({
      state: 'accepted',
      attempts: 2,
      withoutPreview: true,
    })
    expect(await deliveryOf(notifier.probesUrl, never)).toMatchObject({
      state: 'failed',
      attempts: 2,
    })
  }, patience)
  expect(server.bodies.filter(({ to: address }) => address.startsWith('ada'))).toHaveLength(2)
})

test('a mail that alone gets a 421 is parked, and does not keep the others paused', async () => {
  const server = await startScriptedSmtp({
    rcpt: (address) => (address.startsWith('ada') ? '421 4.3.2 not now' : undefined),
  })
  stage.defer(() => server.close())
  const notifier = await stage.startHere({ HERALD_SMTP: server.url, HERALD_SMTP_CONNECTIONS: '1' })
  const id = uuidv7()
  await publish(stage.broker, [
    message(to('ada@example.com', '1.jpg'), id),
    ...Array.from({ length: 60 }, (_, n) => message(to(`bob${n}@example.com`, 'b.jpg'))),
  ])
  const trickle = setInterval(() => {
    void publish(stage.broker, [message(to(`eve@example.com`, 'e.jpg'))])
  }, 200)
  stage.defer(() => clearInterval(trickle))
  await vi.waitFor(
    async () =>
      expect(await deliveryOf(notifier.probesUrl, id)).toMatchObject({
        state: 'deferred',
        attempts: 1,
        parkedSince: expect.any(String),
      }),
    patience,
  )
  clearInterval(trickle)
})
