import { expect, test, vi } from 'vitest'
import { message, publish, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import { type Script, type ScriptedSmtp, startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

// Each test starts several processes.
const stage = useStage()
const patience = { timeout: 60_000, interval: 50 }

async function serve(script: Script, options = {}): Promise<ScriptedSmtp> {
  const server = await startScriptedSmtp(script, options)
  stage.defer(() => server.close())
  return server
}

const to = (address: string) => fileConverted({ recipient: { address }, preview: null })

const readyz = async (probesUrl: string) => (await fetch(`${probesUrl}/readyz`)).text()

async function deliveryOf(probesUrl: string, id: string) {
  const response = await fetch(`${probesUrl}/deliveries/${id}`)
  const { deliveries } = (await response.json()) as { deliveries?: Record<string, unknown>[] }
  return deliveries?.[0]
}

test.each([
  ['rcpt', '554 5.7.1 relay access denied'],
  ['body', '550 5.4.5 daily user sending limit exceeded'],
] as const)(
  'a server that replies to every %s %j causes no dead letter, and gets all mails later',
  async (step, answer) => {
    const server = await serve({ [step]: () => answer })
    const dead = await stage.deadLetters()
    const notifier = await stage.start({ HERALD_SMTP: server.url })
    const ids = Array.from({ length: 30 }, () => uuidv7())
    await publish(
      stage.broker,
      ids.map((id, n) => message(to(`person-${n}@example.com`), id)),
    )
    await vi.waitFor(
      async () => expect(await readyz(notifier.probesUrl)).toContain(answer),
      patience,
    )
    server.script = {}
    await vi.waitFor(() => expect(server.accepted).toHaveLength(30), patience)
    await vi.waitFor(
      async () => expect((await fetch(`${notifier.probesUrl}/readyz`)).status).toBe(200),
      patience,
    )
    expect(dead).toEqual([])
    const logged = notifier.log.filter(({ msg }) => /mail server/.test(String(msg)))
    expect(logged.map(({ msg }) => msg)).toEqual([
      'the mail server is out of service: events wait',
      'the mail server answers again',
    ])
  },
)

test('a mail that is refused while others are accepted is given up after three attempts', async () => {
  const server = await serve({
    rcpt: (address) => (address.startsWith('list') ? '550 5.7.1 not a member' : undefined),
  })
  const dead = await stage.deadLetters()
  const notifier = await stage.start({ HERALD_SMTP: server.url })
  const id = uuidv7()
  await publish(stage.broker, [message(to('list@example.com'), id)])
  const trickle = setInterval(() => {
    void publish(stage.broker, [message(to('ada@example.com'))])
  }, 200)
  stage.defer(() => clearInterval(trickle))
  await vi.waitFor(() => expect(dead).toHaveLength(1), patience)
  expect(await deliveryOf(notifier.probesUrl, id)).toMatchObject({ state: 'failed', attempts: 3 })
})

test('a refused sender is tried rarely, and the log says so once', async () => {
  let tries = 0
  const refuse = () => {
    tries += 1
    return '550 5.7.1 sender not allowed'
  }
  const server = await serve({ mail: refuse })
  const notifier = await stage.start({ HERALD_SMTP: server.url })
  await publish(
    stage.broker,
    Array.from({ length: 20 }, (_, n) => message(to(`person-${n}@example.com`))),
  )
  await vi.waitFor(() => expect(tries).toBeGreaterThan(0), patience)
  const since = Date.now()
  await vi.waitFor(() => expect(Date.now() - since).toBeGreaterThan(4000), patience)
  // Four at once, and then one after each wait; 33 before waits grew.
  expect(tries).toBeLessThanOrEqual(12)
  const logged = notifier.log.filter(({ msg }) => /mail server/.test(String(msg)))
  expect(logged).toHaveLength(1)
})
