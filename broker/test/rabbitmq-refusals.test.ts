import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, openBroker } from '@herald/broker'
import { describeOnRabbitmq, newestRabbitmq, useRabbitmq } from '@herald/rabbitmq/use-rabbitmq'
import { silentLogger } from '@herald/runtime'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseRabbitmqUrl } from '#src/drivers/rabbitmq/location'
import { certificatesMissing, makeCertificates } from './certificates.js'
import { collector, event } from './conformance/fixture.js'

const folder = mkdtempSync(join(tmpdir(), 'herald-rabbitmq-files-'))
const file = (name: string) => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function open(url: string): Promise<Broker> {
  const broker = await openBroker(url, { logger: silentLogger })
  onTestFinished(() => broker.close())
  return broker
}

const refused = (broker: Broker, code: string, text: RegExp) =>
  expect(broker.publish('events', [event('k', 0)])).rejects.toMatchObject({
    name: 'BrokerError',
    code,
    message: expect.stringMatching(text),
  })

test('a URL names hosts, a user, a virtual host and files', () => {
  writeFileSync(file('password'), 'p:ss/w%rd\n')
  expect(
    parseRabbitmqUrl(`amqps://ada%40x@a,b:1234/my%2Fhost?passwordFile=${file('password')}`),
  ).toMatchObject({
    hosts: [
      { hostname: 'a', port: 5671 },
      { hostname: 'b', port: 1234 },
    ],
    ...{ username: 'ada@x', password: 'p:ss/w%rd', vhost: 'my/host', tls: {} },
  })
  expect(parseRabbitmqUrl('amqp://h')).toMatchObject({ username: 'guest', vhost: '/' })
})

test.each([
  ['amqp://', 'names no host'],
  ['amqp://ada@h', 'names a user without a password'],
  ['amqp://h?ca=/ca.pem', 'names a file as ca'],
  ['amqp://ada:the-secret@h?port=1', 'sets port, but only'],
  ['amqp://h:99999', 'names port 99999'],
  ['amqp://h?sessionTimeoutMs=10', 'sets sessionTimeoutMs'],
])('%s is refused', (url, why) => {
  expect(() => parseRabbitmqUrl(url)).toThrow(why)
  expect(() => parseRabbitmqUrl(url)).not.toThrow('the-secret')
})

test('a server that is not there is reported', async () => {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  const broker = await open(`amqp://127.0.0.1:${port}?publishTimeoutMs=500`)
  await refused(broker, 'BROKER_UNREACHABLE', new RegExp(`127.0.0.1:${port} cannot be reached`))
})

describe.skipIf(certificatesMissing !== '')(`certificates${certificatesMissing}`, () => {
  if (certificatesMissing === '') makeCertificates(file)
  describeOnRabbitmq(newestRabbitmq, 'RabbitMQ behind TLS', () => {
    const tls = { ca: file('ca.pem'), cert: file('server.pem'), key: file('server.key') }
    const rabbitmq = useRabbitmq(newestRabbitmq, { tls })
    const url = (ca: string) =>
      `amqps://127.0.0.1:${rabbitmq.server.tlsPort}?ca=${file(ca)}&publishTimeoutMs=3000`

    test('events pass', async () => {
      const broker = await open(url('ca.pem'))
      const got = collector()
      await broker.publish('events', [event('k', 0), event('k', 1)])
      await broker.subscribe({ topic: 'events', group: 'all' }, got.handler)
      await expect.poll(() => got.ids).toEqual(['k/0', 'k/1'])
    })

    test('a certificate of an unknown authority is refused', async () => {
      await refused(await open(url('other.pem')), 'BROKER_UNREACHABLE', /no TLS connection/)
    })

    test('a wrong password is reported, and does not show it', async () => {
      const { port } = rabbitmq.server
      const broker = await open(`amqp://guest:the-secret@127.0.0.1:${port}`)
      await refused(broker, 'BROKER_AUTHENTICATION', /^(?!.*the-secret).*login as guest/)
    })

    test('a user without the right is reported', async () => {
      const { server } = rabbitmq
      await server.ctl('add_user', 'ada', 'word')
      await server.ctl('set_permissions', 'ada', '^$', '^$', '^$')
      const broker = await open(`amqp://ada:word@127.0.0.1:${server.port}`)
      await refused(broker, 'BROKER_NOT_ALLOWED', /does not allow it as ada/)
      const stranger = await open(`amqp://guest:guest@127.0.0.1:${server.port}/elsewhere`)
      await refused(stranger, 'BROKER_UNREACHABLE', /virtual host elsewhere/)
    })

    test('a subscription that is refused leaves no member that could hold partitions', async () => {
      const { server } = rabbitmq
      await server.ctl('add_user', 'bob', 'word')
      // It may not create the queue of a partition's lease.
      await server.ctl('set_permissions', 'bob', '^(?!events/0@bobs$)', '.*', '.*')
      const broker = await open(`amqp://bob:word@127.0.0.1:${server.port}`)
      const subscribing = broker.subscribe({ topic: 'events', group: 'bobs' }, async () => {})
      await expect(subscribing).rejects.toMatchObject({ code: 'BROKER_NOT_ALLOWED' })
      await expect
        .poll(() => server.ctl('list_connections', 'client_properties'))
        .not.toContain('member of bobs')
    })
  })
})
