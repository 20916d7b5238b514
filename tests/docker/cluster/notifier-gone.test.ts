import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compose, docker, herald } from '../compose.js'

/** A mail server on this machine, which defers every mail until `accepts` is set. */
const received: string[] = []
let accepts = false
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  onRcptTo(_address, _session, done) {
    if (accepts) return done()
    done(Object.assign(new Error('4.2.0 Mailbox busy'), { responseCode: 450 }))
  },
  onData(stream, { envelope }, done) {
    stream.resume().on('end', () => {
      received.push(...envelope.rcptTo.map(({ address }) => address))
      done()
    })
  },
})
server.on('error', () => {})

const folder = mkdtempSync(join(tmpdir(), 'herald-cluster-'))
const env = { COMPOSE_FILE: `${process.env['COMPOSE_FILE']}:${join(folder, 'mail.yml')}` }
const up = ['up', '--detach', '--wait', '--no-build', '--no-deps', 'notifier']

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const { port } = server.server.address() as AddressInfo
  writeFileSync(
    join(folder, 'mail.yml'),
    `services:
  notifier:
    extra_hosts: ["mail-server:host-gateway"]
    environment: { HERALD_SMTP: "smtp://mail-server:${port}", HERALD_PARK_FOR: 1s }
`,
  )
  const { status, stderr } = await compose(up, { env })
  expect(status, stderr).toBe(0)
})
afterAll(async () => {
  await compose(up)
  await new Promise<void>((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true })
})

/** What each notifier says of a metric. */
async function metricOf(id: string, name: string): Promise<number> {
  const read = `fetch('http://127.0.0.1:9102/metrics').then((r) => r.text()).then(console.log)`
  const { stdout } = await docker(['exec', id, 'node', '--eval', read])
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(stdout)?.[1] ?? 0)
}

const notifiers = async () =>
  (await compose(['ps', '--quiet', 'notifier'])).stdout.trim().split('\n')

test('a notifier is removed for good with deferred mails: another one sends them', async () => {
  const recipients = Array.from({ length: 12 }, (_, index) => `deferred-${index}@example.com`)
  const options = recipients.flatMap((each) => ['--notify', each])
  const { status, stderr } = await herald([
    'convert',
    'photo.jpg',
    '--to',
    'gif',
    '--force',
    ...options,
  ])
  expect(status, stderr).toBe(0)
  const ids = await notifiers()
  const deferred = () =>
    Promise.all(ids.map((id) => metricOf(id, 'herald_notifier_deferred_events')))
  await expect
    .poll(async () => Math.max(...(await deferred())), { timeout: 60_000, interval: 1000 })
    .toBeGreaterThanOrEqual(recipients.length)
  console.log(`deferred, as each notifier counts: ${(await deferred()).join(', ')}`)
  // All but one: whichever held the mails is gone.
  await docker(['rm', '--force', '--volumes', ...ids.slice(1)])
  accepts = true
  await expect
    .poll(() => [...received].sort(), { timeout: 90_000, interval: 1000 })
    .toEqual([...recipients].sort())
})
