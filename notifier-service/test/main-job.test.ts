import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openInboxClient } from '@herald/mailhog/inbox-client'
import { startInbox } from '@herald/mailhog/inbox-process'
import { expect, test, vi } from 'vitest'
import { startNotifier } from './notifier-process.js'
import { message, publish, uuidv7 } from './publish.js'
import { fileConverted, tinyPng } from './sample-events.js'
import { startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()
const patience = { timeout: 60_000, interval: 50 }

async function openInbox() {
  const inbox = await startInbox()
  stage.defer(() => inbox.stop())
  return { smtp: inbox.smtpUrl, mails: await openInboxClient(inbox.webUrl) }
}

test('the recipient of a converted file gets an e-mail', async () => {
  const { smtp, mails } = await openInbox()
  const notifier = await stage.start({ HERALD_SMTP: smtp })
  const id = uuidv7()
  await publish(stage.broker, [message(fileConverted(), id)])
  const mail = await mails.waitFor(() => true)
  expect(mail.subject).toBe('harbour.jpg is ready: WebP, 184 kB (−85%)')
  expect(mail.recipients).toEqual(['ada@example.com'])
  expect(mail.messageId).toBe(`<${id}@localhost>`)
  expect(mail.headers).toContainEqual({ name: 'auto-submitted', value: 'auto-generated' })
  expect(mail.attachments).toMatchObject([{ inline: true, contentId: 'preview@herald' }])
  expect(Buffer.from(mail.attachments[0]?.content ?? [])).toEqual(tinyPng)

  // The mail is in the inbox a moment before the 250 is in the ledger.
  await vi.waitFor(async () => {
    const found = await fetch(`${notifier.probesUrl}/deliveries/${id}`)
    expect(await found.json()).toMatchObject({
      eventId: id,
      deliveries: [{ state: 'accepted', attempts: 1, recipient: 'ada@example.com' }],
    })
  }, patience)
  expect((await fetch(`${notifier.probesUrl}/deliveries/${uuidv7()}`)).status).toBe(404)
  expect((await fetch(`${notifier.probesUrl}/readyz`)).status).toBe(200)
  expect(JSON.stringify(notifier.log)).not.toContain('ada@')
  expect(await notifier.stop()).toBe(0)
})

const idOf = ({ raw }: { raw: string }) => /^Message-ID: <(.{36})@/im.exec(raw)?.[1] ?? ''

test('events published while no notifier runs are all mailed after the start', async () => {
  const server = await startScriptedSmtp()
  stage.defer(() => server.close())
  const first = await stage.start({ HERALD_SMTP: server.url })
  expect(await first.stop()).toBe(0)
  const ids = Array.from({ length: 200 }, () => uuidv7())
  const to = (n: number) => fileConverted({ recipient: { address: `u${n % 20}@example.com` } })
  await publish(
    stage.broker,
    ids.map((id, n) => message(to(n), id)),
  )
  await stage.start({ HERALD_SMTP: server.url })
  await vi.waitFor(() => expect(server.accepted).toHaveLength(200), patience)
  const arrived = server.accepted.map(idOf)
  expect(new Set(arrived)).toEqual(new Set(ids))
  for (let person = 0; person < 20; person += 1) {
    const theirs = ids.filter((_, n) => n % 20 === person)
    expect(arrived.filter((id) => theirs.includes(id))).toEqual(theirs)
  }
})

test('if one of several notifiers is killed, every mail arrives, in order, and only those in flight may come twice', async () => {
  const server = await startScriptedSmtp()
  stage.defer(() => server.close())
  const env = { HERALD_SMTP: server.url, HERALD_SMTP_CONNECTIONS: '2' }
  const [victim] = await Promise.all([stage.start(env), stage.start(env), stage.start(env)])
  const ids = Array.from({ length: 150 }, () => uuidv7())
  const to = (n: number) => fileConverted({ recipient: { address: `u${n % 10}@example.com` } })
  const sending = publish(
    stage.broker,
    ids.map((id, n) => message(to(n), id)),
  )
  await vi.waitFor(() => expect(server.accepted.length).toBeGreaterThan(10), patience)
  await victim.stop('SIGKILL')
  expect(server.accepted.length, 'killed midway').toBeLessThan(150)
  await sending
  await vi.waitFor(() => expect(new Set(server.accepted.map(idOf))).toEqual(new Set(ids)), patience)
  const firsts = [...new Set(server.accepted.map(idOf))]
  for (let person = 0; person < 10; person += 1) {
    const theirs = ids.filter((_, n) => n % 10 === person)
    expect(firsts.filter((id) => theirs.includes(id))).toEqual(theirs)
  }
  expect(server.accepted.length - ids.length).toBeLessThanOrEqual(2)
})

test('a broker that cannot be reached is retried, with a log line, until it answers', async () => {
  const folder = stage.broker.slice('embedded:'.length)
  await writeFile(folder, 'a file where the folder should be')
  const notifier = await startNotifier(
    {
      HERALD_BROKER: stage.broker,
      HERALD_DATA: join(folder, '..'),
      HERALD_SMTP: 'smtp://127.0.0.1:9',
    },
    ({ msg }) => msg === 'the broker cannot be reached: trying again',
  )
  stage.defer(() => notifier.stop('SIGKILL'))
  await rm(folder)
  await vi.waitFor(
    () => expect(notifier.log).toContainEqual(expect.objectContaining({ msg: 'ready' })),
    patience,
  )
  expect(await notifier.stop()).toBe(0)
})

test('SIGTERM while the broker cannot be reached ends the notifier with exit status 0', async () => {
  const folder = stage.broker.slice('embedded:'.length)
  await writeFile(folder, '')
  const notifier = await startNotifier(
    { HERALD_BROKER: stage.broker, HERALD_DATA: join(folder, '..') },
    ({ msg }) => msg === 'the broker cannot be reached: trying again',
  )
  expect(await notifier.stop()).toBe(0)
})

test.each([
  [{ HERALD_BROKER: 'carrier-pigeon:coop' }, 'carrier-pigeon'],
  [{ HERALD_SMTP: 'smtp://me:sesame@host/path' }, 'smtp://me:***@host/path'],
  [{ HERALD_DATA: '/dev/null' }, 'The store in /dev/null/ledger'],
  [{ HERALD_MAIL_FROM: 'nobody' }, 'Invalid HERALD_MAIL_FROM'],
  [{ HERALD_LEDGER_RETENTION: '6d' }, 'a duration of at least 7d'],
  [{ HERALD_SMTP_TIMEOUT: '5ms' }, 'a duration from 1s to 1h'],
  [{ HERALD_ON_UNKNOWN: 'shrug' }, 'one of prefer-duplicate, prefer-loss'],
])('%j is refused in words', async (env, said) => {
  const started = startNotifier({ HERALD_DATA: join(stage.broker.slice(9), '..'), ...env })
  await expect(started).rejects.toThrow(said)
  await expect(started).rejects.not.toThrow(/ {4}at |sesame/)
})

test('an address of the probes that is in use is named', async () => {
  const env = { HERALD_SMTP: 'smtp://127.0.0.1:9' }
  const first = await stage.start(env)
  const taken = { ...env, HERALD_NOTIFIER_PROBES: first.probesUrl.slice(7) }
  await expect(stage.start(taken)).rejects.toThrow(
    `${first.probesUrl.slice(7)} is taken by process ${first.pid}`,
  )
})
