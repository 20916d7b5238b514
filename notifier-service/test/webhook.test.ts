import { execFileSync, spawnSync } from 'node:child_process'
import { openBroker } from '@herald/broker'
import { fromMessage } from '@herald/broker/message'
import { fromOutcomeMessage, type ReceivedOutcome } from '@herald/broker/outcome-message'
import { silentLogger } from '@herald/runtime'
import { HTTP } from 'cloudevents'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { resultOf } from '#src/response-table'
import { readRetryAfter, responseOf } from '#src/webhook/post-response'
import type { NotifierProcess } from './notifier-process.js'
import { message, publish, uuidv7 } from './publish.js'
import { type ReceivedPost, type Receiver, startReceiver } from './receiver.js'
import { fileConverted } from './sample-events.js'
import { startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()
const patience = { timeout: 60_000, interval: 50 }
const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAAAAAAAAAAA='

let receiver: Receiver
beforeEach(async () => {
  receiver = await startReceiver()
  stage.defer(() => receiver.close())
})
const programs: NotifierProcess[] = []
async function start(env: Record<string, string> = {}): Promise<NotifierProcess> {
  const ours = { HERALD_WEBHOOK_URL: receiver.url, HERALD_WEBHOOK_SECRET: secret }
  const program = await stage.startWebhook({ ...ours, ...env })
  programs.push(program)
  return program
}
// In every test: the webhook's log does not mention mails.
afterEach(() => {
  const messages = programs.splice(0).flatMap(({ log }) => log.map(({ msg }) => String(msg)))
  expect(messages.filter((text) => /mail/i.test(text))).toEqual([])
})

const to = (address: string) => fileConverted({ recipient: { address } })
const idOf = ({ headers }: ReceivedPost) => headers['ce-id']

/** What RFC 2104 and Standard Webhooks require, computed by another implementation. */
function signedByOpenssl({ headers, body }: ReceivedPost): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64').toString('hex')
  const signed = Buffer.concat([
    Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`),
    body,
  ])
  const hmac = execFileSync(
    'openssl',
    ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key}`, '-binary'],
    { input: signed },
  )
  return `v1,${hmac.toString('base64')}`
}

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

describe('a webhook', () => {
  test('gets each event as CloudEvents over HTTP, beside the mail, and its outcome is published', async () => {
    const smtp = await startScriptedSmtp()
    stage.defer(() => smtp.close())
    await Promise.all([start(), stage.start({ HERALD_SMTP: smtp.url })])
    const outcomes: ReceivedOutcome[] = []
    const broker = await openBroker(stage.broker, { logger: silentLogger })
    stage.defer(() => broker.close())
    await broker.subscribe({ topic: 'notifications.outcomes', group: 'test' }, async (delivery) => {
      const outcome = fromOutcomeMessage(delivery)
      if (outcome) outcomes.push(outcome)
    })
    const id = uuidv7()
    const published = message(fileConverted(), id)
    await publish(stage.broker, [published])
    await vi.waitFor(() => expect(outcomes).toHaveLength(2), patience)
    expect(smtp.accepted).toHaveLength(1)
    const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = receiver.taken
    // As another implementation reads it.
    const event = HTTP.toEvent({ headers, body: body.toString() })
    expect(event).toMatchObject({
      id,
      specversion: '1.0',
      source: '//herald.test/client',
      type: 'herald.file.converted.v1',
      datacontenttype: 'application/json',
      data: {
        conversionId: '01890a5d-ac96-774b-bcce-b302099a8057',
        source: { name: 'harbour.jpg', sizeBytes: '1230456' },
        recipient: { address: 'ada@example.com' },
        runSize: 1,
      },
    })
    // Decoded, it is the event that was published.
    const again = { 'content-type': Buffer.from('application/json') }
    expect(
      fromMessage({ ...published, value: body, headers: { ...published.headers, ...again } }),
    ).toEqual(fromMessage(published))
    expect(outcomes.map(({ event: { data } }) => data.notification?.channel).sort()).toEqual([
      'mail',
      'webhook',
    ])
    expect(new Set(outcomes.map(({ envelope }) => envelope.id)).size).toBe(2)
  })

  test.skipIf(!hasOpenssl)(
    `is signed as openssl says${hasOpenssl ? '' : ' (left out: openssl is not installed)'}`,
    async () => {
      await start()
      await publish(stage.broker, [message(fileConverted())])
      await vi.waitFor(() => expect(receiver.taken).toHaveLength(1), patience)
      const [post] = receiver.taken as [ReceivedPost]
      expect(post.headers['webhook-signature']).toBe(signedByOpenssl(post))
      const age = Date.now() / 1000 - Number(post.headers['webhook-timestamp'])
      expect(Math.abs(age)).toBeLessThan(300)
      const forged = { ...post, body: Buffer.concat([post.body, Buffer.from(' ')]) }
      expect(post.headers['webhook-signature']).not.toBe(signedByOpenssl(forged))
    },
  )

  test('that closed the connection before the answer gets the same request again', async () => {
    receiver.answer = () => (receiver.posts.length === 1 ? 'hang up' : [204])
    await start()
    await publish(stage.broker, [message(fileConverted())])
    await vi.waitFor(() => expect(receiver.taken).toHaveLength(1), patience)
    const [first, second] = receiver.posts
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    expect(second?.body).toEqual(first?.body)
  })

  test('that is down is waited for; no attempt is counted, and the order of a key stays', async () => {
    const { url } = receiver
    await receiver.close()
    const webhook = await start({ HERALD_WEBHOOK_ATTEMPTS: '1' })
    const ids = Array.from({ length: 5 }, () => uuidv7())
    await publish(
      stage.broker,
      ids.map((id) => message(to('ada@example.com'), id)),
    )
    await vi.waitFor(
      () =>
        expect(webhook.log).toContainEqual(
          expect.objectContaining({ msg: 'the webhook is out of service: events wait' }),
        ),
      patience,
    )
    receiver = await startReceiver({ port: Number(new URL(url).port) })
    let answers = 0
    // The first two answers are 503.
    receiver.answer = () => (++answers <= 2 ? [503, { 'retry-after': '0' }] : [200])
    await vi.waitFor(() => expect(receiver.taken.map(idOf)).toEqual(ids), patience)
  })

  test('that refuses an event permanently does not delay the others', async () => {
    const dead = await stage.deadLetters()
    receiver.answer = ({ body }) => (body.includes('gone@') ? [410] : [200])
    await start()
    await publish(stage.broker, [
      message(to('gone@example.com')),
      message(to('ada@example.com')),
      message(to('gone@example.com')),
    ])
    await vi.waitFor(() => expect(dead).toHaveLength(2), patience)
    await vi.waitFor(() => expect(receiver.taken).toHaveLength(1), patience)
    const header = (name: string) => String(Buffer.from(dead[0]?.headers[name] ?? []))
    expect(header('herald_dead_letter_reason')).toBe('410 Gone')
    expect(header('herald_dead_letter_channel')).toBe('webhook')
    expect(receiver.posts).toHaveLength(3)
  })

  test('that answers 404 to everything during a bad deploy causes no dead letter, and gets all events afterwards', async () => {
    const dead = await stage.deadLetters()
    receiver.answer = () => [404]
    const webhook = await start()
    const ids = Array.from({ length: 20 }, () => uuidv7())
    await publish(
      stage.broker,
      ids.map((id, n) => message(to(`person-${n}@example.com`), id)),
    )
    await vi.waitFor(async () => {
      const ready = await fetch(`${webhook.probesUrl}/readyz`)
      expect(ready.status).toBe(503)
      expect(await ready.text()).toContain('webhook: 404 Not Found')
    }, patience)
    receiver.answer = () => [204]
    await vi.waitFor(() => {
      expect(new Set(receiver.taken.map(idOf))).toEqual(new Set(ids))
    }, patience)
    await vi.waitFor(async () => {
      expect((await fetch(`${webhook.probesUrl}/readyz`)).status).toBe(200)
    }, patience)
    expect(dead).toEqual([])
    const logged = webhook.log.filter(({ msg }) => /^the webhook/.test(String(msg)))
    expect(logged.map(({ msg }) => msg)).toEqual([
      'the webhook is out of service: events wait',
      'the webhook answers again',
    ])
  })

  test('that answers 404 to one event gets the others, and that one again later', async () => {
    receiver.answer = ({ body }) => (body.includes('odd@') ? [404] : [204])
    const webhook = await start()
    const people = ['odd', 'a', 'b', 'c', 'd', 'e', 'f']
    await publish(
      stage.broker,
      people.map((name) => message(to(`${name}@example.com`))),
    )
    await vi.waitFor(() => expect(receiver.taken).toHaveLength(6), patience)
    receiver.answer = () => [204]
    await vi.waitFor(() => expect(receiver.taken).toHaveLength(7), patience)
    expect(webhook.log.map(({ msg }) => msg)).not.toContain(
      'the webhook is out of service: events wait',
    )
  })

  test('does not follow a redirect, and shows no query of its target', async () => {
    const elsewhere = await startReceiver()
    stage.defer(() => elsewhere.close())
    const id = uuidv7()
    receiver.answer = () => [307, { location: `${elsewhere.url}?token=s3cret` }]
    const webhook = await start({ HERALD_LOG_LEVEL: 'debug' })
    await publish(stage.broker, [message(fileConverted(), id)])
    await vi.waitFor(async () => {
      const ready = await fetch(`${webhook.probesUrl}/readyz`)
      const { reasons } = (await ready.json()) as { reasons: string[] }
      expect(reasons.join()).toContain(`redirects to ${elsewhere.url},`)
      expect(reasons.join()).not.toContain('s3cret')
    }, patience)
    const delivery = await fetch(`${webhook.probesUrl}/deliveries/${id}`)
    expect(await delivery.text()).not.toContain('s3cret')
    expect(elsewhere.posts).toEqual([])
    receiver.answer = () => [200]
    await vi.waitFor(() => expect(receiver.taken).toHaveLength(1), patience)
    expect(JSON.stringify(webhook.log)).not.toContain('s3cret')
  })

  test('killed between request and answer sends it again, with the same id', async () => {
    let answered = () => {}
    receiver.answer = () => new Promise((resolve) => (answered = () => resolve([200])))
    const first = await start()
    const id = uuidv7()
    await publish(stage.broker, [message(fileConverted(), id)])
    await vi.waitFor(() => expect(receiver.posts).toHaveLength(1), patience)
    await first.stop('SIGKILL')
    answered()
    receiver.answer = () => [200]
    const second = await start()
    await vi.waitFor(() => expect(receiver.posts).toHaveLength(2), patience)
    await vi.waitFor(async () => {
      const response = await fetch(`${second.probesUrl}/deliveries/${id}`)
      expect(await response.json()).toMatchObject({ deliveries: [{ state: 'accepted' }] })
    }, patience)
    expect(new Set(receiver.posts.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  test('does not start without a URL and a secret, and shows neither', async () => {
    const env = {
      HERALD_WEBHOOK_URL: 'ftp://hidden.example/',
      HERALD_WEBHOOK_SECRET: 'whsec_hidden',
    }
    const refusal = await start(env).then(
      () => '',
      (error: Error) => error.message,
    )
    expect(refusal).toContain('Invalid HERALD_WEBHOOK_URL (hidden): expected http://')
    expect(refusal).toContain('Invalid HERALD_WEBHOOK_SECRET (hidden): expected whsec_')
    expect(refusal.replaceAll('(hidden)', '')).not.toContain('hidden')
  })
})

describe('what an answer means', () => {
  const resultFor = (status: number, headers: Record<string, string> = {}) =>
    resultOf(responseOf({ status, statusText: '', headers, text: '' }))

  test.each([
    ['accepted', [200, 201, 202, 204]],
    ['refused', [410, 422]],
    ['deferred', [408, 425]],
    ['possibleServerFailure', [400, 403, 404, 405, 409, 500, 501, 507, 429, 502, 503, 504]],
    ['outage', [301, 302, 303, 307, 308, 401, 407]],
    ['tooLarge', [413]],
  ])('%s: %s', (kind, statuses) => {
    for (const status of statuses) expect(resultFor(status).kind, String(status)).toBe(kind)
  })

  test('Retry-After of the receiver is respected, up to an hour', () => {
    expect(resultFor(503, { 'retry-after': '7' })).toMatchObject({ retryAfterMs: 7000 })
    expect(resultFor(408, { 'retry-after': '99999' })).toMatchObject({ retryAfterMs: 3_600_000 })
    const now = Date.UTC(2026, 2, 14, 9, 5, 0)
    expect(readRetryAfter('Sat, 14 Mar 2026 09:05:30 GMT', now)).toBe(30_000)
    expect(readRetryAfter('Sat, 14 Mar 2026 09:04:30 GMT', now)).toBe(0)
    expect(readRetryAfter('soon', now)).toBeUndefined()
    // A date is one of the receiver's clock, whatever this machine's is.
    const dates = {
      date: 'Sat, 14 Mar 2026 09:05:00 GMT',
      'retry-after': 'Sat, 14 Mar 2026 09:05:30 GMT',
    }
    expect(resultFor(503, dates)).toMatchObject({ retryAfterMs: 30_000 })
  })
})
