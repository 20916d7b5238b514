import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { gradient } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

async function workshop() {
  const shop = await workshopWith({ 'harbour.png': gradient(64, 48) }, converter.address)
  const convert = async (...more: string[]) => {
    const args = ['convert', 'harbour.png', '--to', 'webp', '--force', '--json', ...more]
    return JSON.parse((await shop.herald(args)).stdout)
  }
  return { ...shop, convert }
}

/** A notifier's API, as far as it is asked here: what it says of each event. */
async function startDesk(
  mails: Record<string, object>,
  conversions: Record<string, object[]> = {},
  now?: string,
) {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://desk')
    const conversion = url.searchParams.get('conversion')
    const found = conversion
      ? conversions[conversion]
      : [mails[url.pathname.slice('/deliveries/'.length)]].filter((each) => each !== undefined)
    response.statusCode = found?.length ? 200 : 404
    response.end(found?.length ? JSON.stringify({ now, deliveries: found }) : 'no such page')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { HERALD_NOTIFIER: `http://127.0.0.1:${port}`, TZ: 'UTC' }
}

const accepted = {
  state: 'accepted',
  recipient: 'ada@example.com',
  attempts: 1,
  reply: '250 2.0.0 OK queued as 4F2',
  firstAttemptAt: '2026-03-14T14:03:21.000Z',
  updatedAt: '2026-03-14T14:03:22.000Z',
}

test('one timeline leads from the upload over topic and offset to the reply of the mail server', async () => {
  const shop = await workshop()
  const line = await shop.convert('-n', 'ada@example.com')
  const [{ id, partition, offset }] = line.events
  const env = await startDesk({ [id]: accepted })
  const { status, stdout, stderr } = await shop.herald(['why', line.conversionId], env)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toEqual([
    `${id}  to ada@example.com`,
    expect.stringMatching(/^ {2}\d\d:\d\d:\d\d +the conversion was requested$/),
    expect.stringMatching(/^ {2}\d\d:\d\d:\d\d +kept in the outbox: harbour\.png$/),
    expect.stringMatching(
      new RegExp(
        `^ {2}\\d\\d:\\d\\d:\\d\\d +published on notifications, partition ${partition}, offset ${offset}$`,
      ),
    ),
    '  2026-03-14 14:03:21  first sent to the mail server',
    '  2026-03-14 14:03:22  accepted after 1 attempt: 250 2.0.0 OK queued as 4F2',
    '  The mail server accepted it at 2026-03-14 14:03:22: 250 2.0.0 OK queued as 4F2.',
  ])
})

test('a conversion with several recipients shows each, an event id that one alone', async () => {
  const shop = await workshop()
  const line = await shop.convert('-n', 'ada@example.com', '-n', 'bob@example.com')
  const env = await startDesk({ [line.eventIds[1]]: { ...accepted, recipient: 'bob@example.com' } })
  const all = JSON.parse((await shop.herald(['why', line.conversionId, '--json'], env)).stdout)
  expect(all.events.map((each: { status: string }) => each.status)).toEqual([
    'no-record',
    'accepted',
  ])
  const one = JSON.parse((await shop.herald(['why', line.eventIds[1], '--json'], env)).stdout)
  expect(one).toMatchObject({
    known: true,
    notifier: null,
    events: [
      { eventId: line.eventIds[1], conversionId: line.conversionId, recipient: 'bob@example.com' },
    ],
  })
})

const inAMinute = () => new Date(Date.now() + 40_000).toISOString()

test('a wait is as long as by the clock of the ledger, whatever that of this machine says', async () => {
  const shop = await workshop()
  const nextAttemptAt = '2026-03-14T14:04:00.000Z'
  const waiting = { ...accepted, state: 'deferred', reply: '450 busy', nextAttemptAt }
  const env = await startDesk({ 'the-event': waiting }, {}, '2026-03-14T14:03:20.000Z')
  const { stdout } = await shop.herald(['why', 'the-event'], env)
  expect(stdout).toContain('next attempt in 40 s.')
})

test.each([
  [
    'waiting',
    () => ({ state: 'deferred', reply: '450 4.2.1 busy', nextAttemptAt: inAMinute() }),
    /^Not mailed yet: the mailbox is busy \(450 4\.2\.1 busy\); next attempt in (40|39|38|37) s\.$/,
  ],
  [
    'failed',
    () => ({ state: 'failed', reply: '550 5.1.1 no such mailbox' }),
    /^Not mailed: 550 5\.1\.1 no such mailbox\. When the cause is fixed: herald-notifier dead-letters replay the-event$/,
  ],
  [
    'possibly-delivered',
    () => ({ state: 'unknown', reply: 'the connection was closed' }),
    /^It may have been delivered: .* It will not be sent again\.$/,
  ],
  ['sending', () => ({ state: 'attempting' }), /^It is being sent to the mail server now\.$/],
])('facts that only the notifier knows are printed: %s', async (status, mail, sentence) => {
  const shop = await workshop()
  const env = await startDesk({ 'the-event': mail() })
  const { status: exitStatus, stdout } = await shop.herald(['why', 'the-event', '--json'], env)
  expect(exitStatus).toBe(0)
  const [event] = JSON.parse(stdout).events
  expect(event.status).toBe(status)
  expect(event.sentence).toMatch(sentence)
})

test('events of a conversion that another machine announced are known to the notifier', async () => {
  const shop = await workshop()
  const place = { topic: 'notifications', partition: 3, offset: '17', conversionId: 'elsewhere' }
  const history = [
    { at: '2026-03-14T14:03:21.000Z', state: 'deferred', reply: '450 busy', counted: true },
    { at: '2026-03-14T14:03:22.000Z', state: 'accepted', reply: '250 ok', counted: true },
  ]
  const digest = { ...accepted, ...place, history, eventIds: ['e1', 'e2'] }
  const env = await startDesk({}, { elsewhere: [digest] })
  const { stdout } = await shop.herald(['why', 'elsewhere', '--json'], env)
  const { events } = JSON.parse(stdout)
  expect(events).toMatchObject([
    { eventId: 'e1', status: 'accepted', ...place },
    { eventId: 'e2', status: 'accepted', ...place },
  ])
  expect(events[0].timeline.map(({ what }: { what: string }) => what)).toEqual([
    'published on notifications, partition 3, offset 17',
    'deferred: 450 busy',
    'accepted: 250 ok',
  ])
})

test('an unknown id is an error, exit status 3', async () => {
  const shop = await workshop()
  const { status, stdout, stderr } = await shop.herald(['why', 'nothing'], await startDesk({}))
  expect({ status, stdout }).toEqual({ status: 3, stdout: '' })
  expect(stderr).toBe(
    'herald: Unknown id nothing: neither the outbox of this machine nor the notifier has it.\n',
  )
})

test('if the notifier cannot be reached, the outbox’s facts are printed, exit status 5', async () => {
  const shop = await workshop()
  const line = await shop.convert()
  const env = { HERALD_NOTIFIER: 'http://127.0.0.1:1' }
  const { status, stdout, stderr } = await shop.herald(['why', line.conversionId], env)
  expect(status).toBe(5)
  expect(stdout).toMatch(/published on notifications, partition \d+, offset \d+\n/)
  expect(stdout).toMatch(/Published at .*\. Whether it was mailed is unknown: the notifier at /)
  expect(stderr).toBe('herald: the notifier at http://127.0.0.1:1 cannot be reached.\n')
  const wrong = await shop.herald(['why', 'x'], { HERALD_NOTIFIER: 'ftp://nobody' })
  expect(wrong.status).toBe(2)
  expect(wrong.stderr).toContain('Invalid HERALD_NOTIFIER "ftp://nobody":')
})

test('the reason is printed for an event that could not be published yet', async () => {
  const shop = await workshop()
  await mkdir(shop.path('data'))
  // A file where the broker's folder should be.
  await writeFile(shop.path('data', 'broker'), '')
  const line = await shop.convert()
  const { status, stdout } = await shop.herald(['why', line.conversionId], await startDesk({}))
  expect(status).toBe(0)
  expect(stdout).toMatch(
    / {2}Not announced yet: kept in the outbox since \d\d:\d\d:\d\d.* Send it with: herald outbox flush\n$/,
  )
  await rm(shop.path('data', 'broker'))
})
