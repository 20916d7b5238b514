import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { type Broker, openBroker } from '@herald/broker'
import { natsVersions } from '@herald/nats'
import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { silentLogger } from '@herald/runtime/logger'
import { createUser } from '@nats-io/nkeys'
import { pino } from 'pino'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { certificatesMissing, makeCertificates } from './certificates.js'
import { collector, event } from './conformance/fixture.js'

const nothing = async () => {}
const folder = mkdtempSync(join(tmpdir(), 'herald-nats-files-'))
const file = (name: string) => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function open(url: string, logger = silentLogger): Promise<Broker> {
  const broker = await openBroker(url, { logger })
  onTestFinished(() => broker.close())
  return broker
}

/** Both calls must fail, and name the topic. */
async function expectRefusal(broker: Broker, topic: string, code: string, text: string | RegExp) {
  const publishing = broker.publish(topic, [event('k', 0)])
  const subscribing = broker.subscribe({ topic, group: 'all' }, nothing)
  const errors = (await Promise.allSettled([publishing, subscribing])).map(
    (each) => each.status === 'rejected' && each.reason,
  )
  expect(errors).toMatchObject([
    { name: 'BrokerError', code, message: expect.stringMatching(text) },
    { name: 'BrokerError', code, message: expect.stringMatching(text) },
  ])
  for (const { message } of errors as Error[]) {
    expect(message).toContain(topic)
    expect(message).not.toContain('the-secret')
  }
}

async function expectEventsToPass(broker: Broker, topic: string) {
  const got = collector()
  await broker.publish(topic, [event('k', 0), event('k', 1)])
  await broker.subscribe({ topic, group: 'all' }, got.handler)
  await expect.poll(() => got.ids, { timeout: 15_000 }).toEqual(['k/0', 'k/1'])
}

for (const version of natsVersions) {
  describeOnNats(version, `what NATS ${version} refuses`, () => {
    const seed = createUser()
    const nats = useNats(version, () => ({
      config: `
max_payload: 700KB
authorization {
  users = [
    { user: herald, password: "the-secret" }
    { nkey: ${seed.getPublicKey()} }
    { user: ada, password: "ada's:sec/ret%", permissions: {
        publish: { deny: ["herald.topic.forbidden.>", "$JS.API.STREAM.CREATE.herald-absent"] } } }
  ]
}`,
    }))
    const url = (login: string, query = '') =>
      `nats://${login}@${nats.server.address}?publishTimeoutMs=3000${query}`
    const ada = `ada:${encodeURIComponent("ada's:sec/ret%")}`

    test('a user with password and rights can publish and subscribe', async () => {
      await expectEventsToPass(await open(url(ada)), 'allowed')
    })

    test('a seed and a password from files are accepted', async () => {
      writeFileSync(file('nkey'), seed.getSeed())
      writeFileSync(file('password'), 'the-secret\n')
      const { address } = nats.server
      await expectEventsToPass(await open(`nats://${address}?nkey=${file('nkey')}`), 'by-nkey')
      const byFile = `nats://herald@${address}?passwordFile=${file('password')}`
      await expectEventsToPass(await open(byFile), 'by-file')
    })

    test.each(['nkey', 'creds'])('a file that holds no %s is reported as that', async (kind) => {
      writeFileSync(file('no-seed'), 'not a seed\n')
      const broker = await open(`nats://${nats.server.address}?${kind}=${file('no-seed')}`)
      const reason = new RegExp(`the file named as ${kind} .* is not valid`)
      await expectRefusal(broker, 'allowed', 'BROKER_AUTHENTICATION', reason)
    })

    test('headers over 64 kB are refused for good', async () => {
      const broker = await open(url(ada))
      const message = { ...event('k', 0), headers: { big: Buffer.alloc(70_000, 'a') } }
      await expect(broker.publish('sizes', [message])).rejects.toMatchObject({
        code: 'BROKER_MESSAGE_TOO_LARGE',
        message: expect.stringContaining('64 kB'),
      })
    })

    test('a wrong password is reported, and is logged nowhere', async () => {
      const lines: string[] = []
      const sink = new Writable({
        write(chunk, _encoding, done) {
          lines.push(String(chunk))
          done()
        },
      })
      const logger = pino({ level: 'debug' }, sink)
      const broker = await open(url('herald:the-secret-that-is-wrong'), logger)
      await expectRefusal(broker, 'allowed', 'BROKER_AUTHENTICATION', /refuses the login as herald/)
      expect(lines.join('')).not.toContain('the-secret')
    })

    test('a connection without a login is reported', async () => {
      const broker = await open(`nats://${nats.server.address}`)
      await expectRefusal(broker, 'allowed', 'BROKER_AUTHENTICATION', /with no login/)
    })

    test('a topic that may not be published to, or created, is reported', async () => {
      const herald = await open(url('herald:the-secret'))
      await herald.createTopic('forbidden')
      const broker = await open(url(ada))
      await expect(broker.publish('forbidden', [event('k', 0)])).rejects.toMatchObject({
        code: 'BROKER_NOT_ALLOWED',
        message: expect.stringContaining('as ada'),
      })
      await expectRefusal(broker, 'absent', 'BROKER_NOT_ALLOWED', /as ada/)
    })

    test('a message over max_payload is refused, those before and after are not', async () => {
      const broker = await open(url(ada))
      const large = { key: 'k', value: Buffer.alloc(720_000, 1), headers: {} }
      await broker.publish('sizes', [event('k', 0)])
      await expect(broker.publish('sizes', [large])).rejects.toMatchObject({
        code: 'BROKER_MESSAGE_TOO_LARGE',
        message: expect.stringContaining('716800'),
      })
      await expectEventsToPass(await open(url(ada)), 'sizes-after')
    })

    test('TLS to a server without TLS is reported', async () => {
      const broker = await open(url(ada, '&connectTimeoutMs=1000').replace('nats:', 'tls:'))
      await expectRefusal(broker, 'allowed', 'BROKER_UNREACHABLE', /tls/i)
    })
  })

  describeOnNats(version, `NATS ${version} without JetStream`, () => {
    const nats = useNats(version, () => ({ jetstream: null }))

    test('is reported with what to do', async () => {
      const broker = await open(`${nats.url}?publishTimeoutMs=1000`)
      await expectRefusal(broker, 'topic', 'BROKER_FAILED', /JetStream is not enabled.*-js/)
    })
  })

  describe.skipIf(certificatesMissing !== '')(`certificates${certificatesMissing}`, () => {
    describeOnNats(version, `NATS ${version} behind TLS`, () => {
      const nats = useNats(version, () => {
        makeCertificates(file)
        const [cert, key, ca] = [file('server.pem'), file('server.key'), file('ca.pem')]
        return {
          config: `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true }`,
        }
      })
      const url = (ca: string, more = '') =>
        `tls://${nats.server.address}?ca=${file(ca)}&publishTimeoutMs=3000${more}`

      test('events pass once both sides have shown a certificate', async () => {
        const own = `&cert=${file('server.pem')}&key=${file('server.key')}`
        await expectEventsToPass(await open(url('ca.pem', own)), 'events')
      })

      test('a client without a certificate is refused', async () => {
        await expectRefusal(await open(url('ca.pem')), 'events', 'BROKER_UNREACHABLE', /NATS at/)
      })

      test('a server certificate of another authority is refused', async () => {
        const broker = await open(url('other.pem'))
        await expectRefusal(broker, 'events', 'BROKER_UNREACHABLE', /certificate|self.signed/i)
      })
    })
  })
}

test('an unreachable server is reported, and closing does not wait for it', async () => {
  const broker = await open('nats://127.0.0.1:9?publishTimeoutMs=500')
  await expectRefusal(broker, 'topic', 'BROKER_UNREACHABLE', /127\.0\.0\.1:9 cannot be reached/)
  const patient = await open('nats://127.0.0.1:9?publishTimeoutMs=600000')
  const subscribing = patient.subscribe({ topic: 'topic', group: 'all' }, nothing)
  const refused = expect(subscribing).rejects.toMatchObject({ code: 'BROKER_CLOSED' })
  await patient.close()
  await refused
})

test('a server that accepts and never answers is reported', async () => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  const { port } = server.address() as { port: number }
  const times = 'publishTimeoutMs=1000&connectTimeoutMs=500'
  const broker = await open(`nats://127.0.0.1:${port}?${times}`)
  await expectRefusal(broker, 'topic', 'BROKER_UNREACHABLE', /does not answer|cannot be reached/)
})
