import PostalMime from 'postal-mime'
import { expect, test, vi } from 'vitest'
import { message, publish, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import { type Script, startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()
const patience = { timeout: 60_000, interval: 25 }

async function serve(script: Script = {}, options = {}) {
  const server = await startScriptedSmtp(script, options)
  stage.defer(() => server.close())
  return server
}

const to = (address: string, name = 'harbour.jpg') =>
  fileConverted({
    recipient: { address },
    source: { name, mediaType: 'image/jpeg', sizeBytes: 1000, pages: 1 },
  })

const subjectOf = async (raw: string) =>
  (await PostalMime.parse(Buffer.from(raw, 'latin1'))).subject

async function stateOf(probesUrl: string, id: string) {
  const response = await fetch(`${probesUrl}/deliveries/${id}`)
  const { deliveries } = (await response.json()) as { deliveries?: Record<string, unknown>[] }
  return deliveries?.[0]
}

test('an event is acknowledged only after the 250', async () => {
  let answer = () => {}
  const server = await serve({
    body: () => new Promise((resolve) => (answer = () => resolve(undefined))),
  })
  const notifier = await stage.startHere({ HERALD_SMTP: server.url })
  const id = uuidv7()
  await publish(stage.broker, [message(to('ada@example.com'), id)])
  await vi.waitFor(() => expect(server.bodies).toHaveLength(1), patience)
  expect(await stateOf(notifier.probesUrl, id)).toMatchObject({ state: 'attempting' })
  expect(await lag(notifier.probesUrl)).toBe(1)
  answer()
  await vi.waitFor(async () => {
    expect(await stateOf(notifier.probesUrl, id)).toMatchObject({ state: 'accepted', attempts: 1 })
    expect(await lag(notifier.probesUrl)).toBe(0)
  }, patience)
})

async function lag(probesUrl: string): Promise<number> {
  const metrics = await (await fetch(`${probesUrl}/metrics`)).text()
  return Number(/^herald_notifier_lag_events\{.*\} (\d+)$/m.exec(metrics)?.[1])
}

test('a lost 250 leaves it unknown, and the mail is sent again byte for byte', async () => {
  const answers: Script['body'][] = [() => 'hang up']
  const server = await serve({ body: (mail) => answers.shift()?.(mail) })
  const notifier = await stage.startHere({ HERALD_SMTP: server.url })
  const id = uuidv7()
  await publish(stage.broker, [message(to('ada@example.com'), id)])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)
  expect(server.bodies).toHaveLength(2)
  expect(server.bodies[0]?.raw).toBe(server.bodies[1]?.raw)
  await vi.waitFor(
    async () =>
      expect(await stateOf(notifier.probesUrl, id)).toMatchObject({
        state: 'accepted',
        attempts: 2,
      }),
    patience,
  )
})

test('a lost 250 is not sent again if loss is preferred', async () => {
  const answers: Script['body'][] = [() => 'hang up']
  const server = await serve({ body: (mail) => answers.shift()?.(mail) })
  const notifier = await stage.startHere({
    HERALD_SMTP: server.url,
    HERALD_ON_UNKNOWN: 'prefer-loss',
  })
  const [lost, next] = [uuidv7(), uuidv7()]
  await publish(stage.broker, [
    message(to('ada@example.com', 'lost.jpg'), lost),
    message(to('ada@example.com', 'next.jpg'), next),
  ])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)
  expect(await subjectOf(server.accepted[0]?.raw ?? '')).toContain('next.jpg')
  expect(server.bodies).toHaveLength(2)
  expect(await stateOf(notifier.probesUrl, lost)).toMatchObject({ state: 'unknown', attempts: 1 })
})

test.each([
  ['prefer-duplicate', 2],
  ['prefer-loss', 1],
])(
  'killed between the 354 and the 250, with %s, the mail is sent %d times',
  async (policy, times) => {
    const server = await serve({ body: () => new Promise(() => {}) })
    const env = { HERALD_SMTP: server.url, HERALD_ON_UNKNOWN: policy }
    const killed = await stage.start(env)
    const [id, next] = [uuidv7(), uuidv7()]
    await publish(stage.broker, [message(to('ada@example.com'), id)])
    await vi.waitFor(() => expect(server.bodies).toHaveLength(1), patience)
    await killed.stop('SIGKILL')

    server.script = {}
    const restarted = await stage.start(env)
    await publish(stage.broker, [message(to('ada@example.com', 'next.jpg'), next)])
    await vi.waitFor(
      async () =>
        expect(await stateOf(restarted.probesUrl, next)).toMatchObject({ state: 'accepted' }),
      patience,
    )
    const sent = server.bodies.filter(({ raw }) => raw.includes(`Message-ID: <${id}@`))
    expect(sent).toHaveLength(times)
    expect(new Set(sent.map(({ raw }) => raw)).size).toBe(1)
  },
)

test('a redelivered event sends nothing', async () => {
  const server = await serve()
  const notifier = await stage.startHere({ HERALD_SMTP: server.url })
  const [again, last] = [message(to('ada@example.com')), message(to('ada@example.com', 'last.jpg'))]
  await publish(stage.broker, [again, again])
  await publish(stage.broker, [again, last])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(2), patience)
  expect(await subjectOf(server.accepted[1]?.raw ?? '')).toContain('last.jpg')
  const metrics = await (await fetch(`${notifier.probesUrl}/metrics`)).text()
  expect(metrics).toMatch(/^herald_notifier_redeliveries_total\{.*\} 2$/m)
})

test('a mailbox that is busy delays its own mails, in order, and no others', async () => {
  let busy = 2
  const server = await serve({
    rcpt: (address) =>
      address.startsWith('ada') && busy-- > 0 ? '450 4.2.0 try later' : undefined,
  })
  await stage.startHere({ HERALD_SMTP: server.url })
  const names = ['1.jpg', '2.jpg', '3.jpg']
  await publish(stage.broker, [
    ...names.map((name) => message(to('ada@example.com', name))),
    ...names.map((name) => message(to('bob@example.com', name))),
  ])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(6), patience)
  const order = await Promise.all(
    server.accepted.map(async ({ to, raw }) => `${to[0]}${(await subjectOf(raw))?.[0]}`),
  )
  expect(order.filter((each) => each.startsWith('a'))).toEqual(['a1', 'a2', 'a3'])
  expect(order.filter((each) => each.startsWith('b'))).toEqual(['b1', 'b2', 'b3'])
  expect(order.indexOf('b3')).toBeLessThan(order.indexOf('a2'))
})

test('while the mail server is down events wait, no attempt is counted, and all go out when it is back', async () => {
  const down = await startScriptedSmtp()
  await down.close()
  const notifier = await stage.startHere({ HERALD_SMTP: down.url })
  const dead = await stage.deadLetters()
  const ids = Array.from({ length: 20 }, () => uuidv7())
  await publish(
    stage.broker,
    ids.map((id, n) => message(to(`u${n % 5}@example.com`, `${n}.jpg`), id)),
  )
  await vi.waitFor(async () => {
    const ready = await fetch(`${notifier.probesUrl}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.text()).toContain(
      `smtp: the mail server 127.0.0.1:${down.port} cannot be used`,
    )
  }, patience)
  const back = await serve({}, { port: down.port })
  await vi.waitFor(() => expect(back.accepted).toHaveLength(20), patience)
  await vi.waitFor(async () => {
    for (const id of ids) {
      expect(await stateOf(notifier.probesUrl, id)).toMatchObject({
        state: 'accepted',
        attempts: 1,
      })
    }
  }, patience)
  expect((await fetch(`${notifier.probesUrl}/readyz`)).status).toBe(200)
  expect(dead).toEqual([])
})

test('a mailbox that does not exist becomes a dead letter, and the next mail is sent', async () => {
  const server = await serve({
    rcpt: (address) => (address.startsWith('gone') ? '550 5.1.1 no such mailbox' : undefined),
  })
  const notifier = await stage.startHere({ HERALD_SMTP: server.url })
  const dead = await stage.deadLetters()
  const id = uuidv7()
  const original = message(to('gone@example.com'), id)
  const [where] = await publish(stage.broker, [original, message(to('ada@example.com'))])
  await vi.waitFor(() => expect(dead).toHaveLength(1), patience)
  const [deadLetter] = dead
  expect(deadLetter?.key).toBe(original.key)
  expect(Buffer.from(deadLetter?.value ?? [])).toEqual(Buffer.from(original.value))
  const headers = Object.entries(deadLetter?.headers ?? {}).map(([name, value]) => [
    name,
    String(Buffer.from(value)),
  ])
  expect(Object.fromEntries(headers)).toMatchObject({
    ...Object.fromEntries(
      Object.entries(original.headers).map(([name, value]) => [name, String(value)]),
    ),
    herald_dead_letter_reason: expect.stringContaining('550 5.1.1 no such mailbox'),
    herald_dead_letter_attempts: '1',
    herald_dead_letter_topic: 'notifications',
    herald_dead_letter_position: where?.position,
    herald_dead_letter_partition: String(where?.partition),
    herald_dead_letter_offset: where?.offset,
  })
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)
  expect(await stateOf(notifier.probesUrl, id)).toMatchObject({ state: 'failed', attempts: 1 })
  expect(JSON.stringify(notifier.log)).not.toContain('@example.com')
})

test('bytes that are not an event go to the dead letters as they are', async () => {
  const server = await serve()
  await stage.startHere({ HERALD_SMTP: server.url })
  const dead = await stage.deadLetters()
  const poison = {
    key: 'k',
    value: Buffer.from([0xff, 0, 1, 2]),
    headers: { any: Buffer.from([0xfe]) },
  }
  await publish(stage.broker, [poison, message(to('k'.concat('@example.com')))])
  await vi.waitFor(() => expect(dead).toHaveLength(1), patience)
  expect(Buffer.from(dead[0]?.value ?? [])).toEqual(poison.value)
  expect(Buffer.from(dead[0]?.headers['any'] ?? [])).toEqual(Buffer.from([0xfe]))
  expect(String(Buffer.from(dead[0]?.headers['herald_dead_letter_reason'] ?? []))).not.toBe('')
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)
})

test.each([
  ['beyond ASCII where the server takes none', 'grüße@example.com', 'does not offer SMTPUTF8'],
  ['that is none', 'ada@example.com>\r\nRCPT TO:<eve@example.com', 'not an e-mail address'],
])('a recipient %s is a clear failure', async (_, address, reason) => {
  const server = await serve({}, { hideSMTPUTF8: true })
  await stage.startHere({ HERALD_SMTP: server.url })
  const dead = await stage.deadLetters()
  await publish(stage.broker, [message(to(address))])
  await vi.waitFor(() => expect(dead).toHaveLength(1), patience)
  expect(String(Buffer.from(dead[0]?.headers['herald_dead_letter_reason'] ?? []))).toContain(reason)
  expect(server.bodies).toEqual([])
})

test('a sender the server refuses is an outage, not a dead letter for each mail', async () => {
  const server = await serve({ mail: () => '550 5.7.1 sender not allowed' })
  const notifier = await stage.startHere({ HERALD_SMTP: server.url })
  const dead = await stage.deadLetters()
  await publish(stage.broker, [message(to('ada@example.com'))])
  await vi.waitFor(async () => {
    expect(await (await fetch(`${notifier.probesUrl}/readyz`)).text()).toContain(
      'sender not allowed',
    )
  }, patience)
  server.script = {}
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)
  expect(dead).toEqual([])
})

test('attempts that are used up end in the dead letters', async () => {
  const server = await serve({ rcpt: () => '450 4.2.0 try later' })
  await stage.startHere({ HERALD_SMTP: server.url, HERALD_MAIL_ATTEMPTS: '2' })
  const dead = await stage.deadLetters()
  await publish(stage.broker, [message(to('ada@example.com'))])
  await vi.waitFor(() => expect(dead).toHaveLength(1), patience)
  expect(String(Buffer.from(dead[0]?.headers['herald_dead_letter_reason'] ?? []))).toContain(
    '450 4.2.0',
  )
  expect(String(Buffer.from(dead[0]?.headers['herald_dead_letter_attempts'] ?? []))).toBe('2')
})

test('SIGTERM during a send lets the mail finish, then ends with 0', async () => {
  let answer = () => {}
  const server = await serve({
    body: () => new Promise((resolve) => (answer = () => resolve(undefined))),
  })
  const notifier = await stage.start({ HERALD_SMTP: server.url })
  await publish(stage.broker, [message(to('ada@example.com'))])
  await vi.waitFor(() => expect(server.bodies).toHaveLength(1), patience)
  const stopped = notifier.stop('SIGTERM')
  await vi.waitFor(
    () => expect(notifier.log).toContainEqual(expect.objectContaining({ msg: 'stopping' })),
    patience,
  )
  answer()
  expect(await stopped).toBe(0)
  expect(notifier.log).toContainEqual(expect.objectContaining({ msg: 'delivered' }))

  server.script = {}
  await stage.start({ HERALD_SMTP: server.url })
  await publish(stage.broker, [message(to('ada@example.com', 'next.jpg'))])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(2), patience)
  expect(await subjectOf(server.accepted[1]?.raw ?? '')).toContain('next.jpg')
})
