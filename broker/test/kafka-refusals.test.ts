import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { Writable } from 'node:stream'
import { type Broker, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'
import kafkajs, { type Admin } from 'kafkajs'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Partitioner } from '#src/drivers/kafka/partitioner'
import { collector, event } from './conformance/fixture.js'
import { describeOnKafka, useKafka } from './kafka/use-kafka.js'

const group = 'all'
const nothing = async () => {}

async function open(url: string, logger = silentLogger): Promise<Broker> {
  const broker = await openBroker(url, { logger })
  onTestFinished(() => broker.close())
  return broker
}

/** Both calls must fail; only a hang exceeds the limit. */
async function expectRefusal(broker: Broker, topic: string, code: string) {
  const startedAt = performance.now()
  const publishing = broker.publish(topic, [event('k', 0)])
  const subscribing = broker.subscribe({ topic, group }, nothing)
  const errors = (await Promise.allSettled([publishing, subscribing])).map(
    (each) => each.status === 'rejected' && each.reason,
  )
  expect(performance.now() - startedAt).toBeLessThan(25_000)
  expect(errors).toMatchObject([
    { name: 'BrokerError', code },
    { name: 'BrokerError', code },
  ])
  for (const { message } of errors as Error[]) {
    expect(message).toContain(topic)
    expect(message).not.toMatch(/secret|wr%6Fng|wrong/)
  }
}

describeOnKafka('what Kafka refuses', () => {
  const users = { herald: 'the-secret', ada: "ada's:sec/ret%" }
  const kafka = useKafka({ security: { users, superUsers: ['herald'] } })
  let admin: Admin
  const url = (user: string, password: string, query = '') =>
    `kafka://${user}:${encodeURIComponent(password)}@${kafka.cluster.bootstrap}?sasl=plain${query}`

  beforeAll(async () => {
    const client = new kafkajs.Kafka({
      brokers: [kafka.cluster.bootstrap],
      logLevel: kafkajs.logLevel.NOTHING,
      sasl: { mechanism: 'plain', username: 'herald', password: users.herald },
    })
    admin = client.admin()
    await admin.connect()
  })
  afterAll(() => admin?.disconnect())

  const allow = (resourceName: string, resourceType: number, operation: number) =>
    admin.createAcls({
      acl: [
        {
          resourceType,
          resourceName,
          resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
          principal: 'User:ada',
          host: '*',
          operation,
          permissionType: kafkajs.AclPermissionTypes.ALLOW,
        },
      ],
    })

  test('a user with password and rights can publish and subscribe', async () => {
    const { AclResourceTypes: type, AclOperationTypes: operation } = kafkajs
    await allow('allowed', type.TOPIC, operation.ALL)
    await allow(group, type.GROUP, operation.READ)
    const broker = await open(url('ada', users.ada))
    const [published] = await broker.publish('allowed', [event('k', 0)])
    expect(published).toMatchObject({ offset: '0' })
    const got = collector()
    await broker.subscribe({ topic: 'allowed', group }, got.handler)
    await expect.poll(() => got.ids).toEqual(['k/0'])
  })

  test('a wrong password is reported at once, and is logged nowhere', async () => {
    const lines: string[] = []
    const sink = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk))
        done()
      },
    })
    const broker = await open(url('ada', 'the-wrong-one'), pino({ level: 'debug' }, sink))
    await expectRefusal(broker, 'allowed', 'BROKER_AUTHENTICATION')
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join('')).not.toContain('the-wrong-one')
  })

  test('an unknown login is reported', async () => {
    const broker = await open(url('ada', users.ada).replace('plain', 'scram-sha-256'))
    await expectRefusal(broker, 'allowed', 'BROKER_AUTHENTICATION')
  })

  test('a connection without a password is refused with the possible reasons', async () => {
    const broker = await open(`kafka://${kafka.cluster.bootstrap}?publishTimeoutMs=1000`)
    const publishing = broker.publish('allowed', [event('k', 0)])
    await expect(publishing).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringContaining('password'),
    })
  })

  test('a topic that is not allowed is reported, whether it exists or not', async () => {
    await admin.createTopics({ topics: [{ topic: 'forbidden' }] })
    const broker = await open(url('ada', users.ada))
    await expectRefusal(broker, 'forbidden', 'BROKER_NOT_ALLOWED')
    await expectRefusal(broker, 'not-there', 'BROKER_NOT_ALLOWED')
  })

  test('publishing to a topic with read access only is refused', async () => {
    const { AclResourceTypes: type, AclOperationTypes: operation } = kafkajs
    await admin.createTopics({ topics: [{ topic: 'read-only' }] })
    await allow('read-only', type.TOPIC, operation.READ)
    const broker = await open(url('ada', users.ada))
    await expect(broker.publish('read-only', [event('k', 0)])).rejects.toMatchObject({
      code: 'BROKER_NOT_ALLOWED',
    })
  })

  test('a message too large for its topic is refused, others of the same call are not', async () => {
    const configEntries = [{ name: 'max.message.bytes', value: '2000' }]
    await admin.createTopics({ topics: [{ topic: 'narrow', numPartitions: 1, configEntries }] })
    const broker = await open(url('herald', users.herald))
    // Random bytes: gzip cannot compress them.
    const noise = (bytes: number) => ({ key: 'k', value: randomBytes(bytes), headers: {} })
    const [large, fitting] = [noise(3000), noise(1500)]
    const results = await Promise.allSettled([
      broker.publish('narrow', [fitting]),
      broker.publish('narrow', [fitting, fitting]),
      broker.publish('narrow', [large]),
      broker.publish('narrow', [fitting]),
    ])
    expect(results).toMatchObject([
      { status: 'fulfilled', value: [{ offset: '0' }] },
      { status: 'fulfilled', value: [{ offset: '1' }, { offset: '2' }] },
      { status: 'rejected', reason: { code: 'BROKER_MESSAGE_TOO_LARGE' } },
      { status: 'fulfilled', value: [{ offset: '3' }] },
    ])
  })

  test('a message too large for one partition does not affect the others', async () => {
    const partitions = 4
    const configEntries = [{ name: 'max.message.bytes', value: '2000' }]
    await admin.createTopics({
      topics: [{ topic: 'narrow-wide', numPartitions: partitions, configEntries }],
    })
    const broker = await open(url('herald', users.herald))
    const partitioner = new Partitioner()
    const keyOf = (partition: number) => {
      for (let at = 0; ; at += 1)
        if (partitioner.partitionFor(`k${at}`, partitions) === partition) return `k${at}`
    }
    const publishing = Array.from({ length: partitions }, (_, partition) => {
      const value = randomBytes(partition === 2 ? 3000 : 1000)
      return broker.publish('narrow-wide', [{ key: keyOf(partition), value, headers: {} }])
    })
    expect(await Promise.allSettled(publishing)).toMatchObject([
      { status: 'fulfilled', value: [{ partition: 0 }] },
      { status: 'fulfilled', value: [{ partition: 1 }] },
      { status: 'rejected', reason: { code: 'BROKER_MESSAGE_TOO_LARGE' } },
      { status: 'fulfilled', value: [{ partition: 3 }] },
    ])
  })

  test('TLS to a listener without TLS is reported', async () => {
    const broker = await open(url('ada', users.ada, '&ssl=true&publishTimeoutMs=1000'))
    await expect(broker.publish('allowed', [event('k', 0)])).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringContaining('ssl'),
    })
  })
})

test('closing does not wait for an unreachable broker', async () => {
  const broker = await open('kafka://127.0.0.1:9?publishTimeoutMs=2000')
  const subscribing = broker.subscribe({ topic: 'topic', group }, nothing)
  const refused = expect(subscribing).rejects.toMatchObject({ code: 'BROKER_CLOSED' })
  await broker.close()
  await refused
})

test('an unreachable broker is reported within publishTimeoutMs', async () => {
  const broker = await open('kafka://127.0.0.1:9?publishTimeoutMs=1000')
  await expectRefusal(broker, 'topic', 'BROKER_UNREACHABLE')
})

test('a broker that accepts and never responds is reported within publishTimeoutMs', async () => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  const { port } = server.address() as { port: number }
  const broker = await open(`kafka://127.0.0.1:${port}?publishTimeoutMs=1000&connectTimeoutMs=500`)
  await expectRefusal(broker, 'topic', 'BROKER_UNREACHABLE')
})
