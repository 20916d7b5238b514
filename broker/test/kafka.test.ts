import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'
import kafkajs from 'kafkajs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { collector, event } from './conformance/fixture.js'
import { describeConformance } from './conformance.js'
import { describeOnKafka, useKafka } from './kafka/use-kafka.js'

describeOnKafka('on Kafka', () => {
  const kafka = useKafka()
  describeConformance('kafka, 1 broker', {
    createBroker: async () => ({
      url: kafka.url,
      restart: () => kafka.cluster.restart(0),
      storingPids: async () => [kafka.cluster.pid(0) ?? 0],
      dispose: async () => {},
    }),
    canRestart: true,
  })

  const setClock = (aheadMs: number) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + aheadMs })
    onTestFinished(() => void vi.useRealTimers())
  }
  const open = async () => {
    const broker = await openBroker(kafka.url, { logger: silentLogger })
    onTestFinished(() => broker.close())
    return broker
  }

  test.each([8, -8])(
    'an event of a machine whose clock is %i days ahead has the time of Kafka, and so is kept as long as others',
    async (days) => {
      const realMs = Date.now()
      setClock(days * 86_400_000)
      const topic = `clock-${days}`
      const broker = await open()
      await broker.publish(topic, [event('k', 0)])
      const { deliveries, handler } = collector()
      await broker.subscribe({ topic, group: 'all' }, handler)
      await expect.poll(() => deliveries.length).toBe(1)
      expect(Math.abs((deliveries[0]?.publishedAt.getTime() ?? 0) - realMs)).toBeLessThan(60_000)
    },
  )

  test('a topic that takes the times of publishers refuses those of a wrong clock, with the reason', async () => {
    const admin = new kafkajs.Kafka({ brokers: [kafka.cluster.bootstrap] }).admin()
    await admin.connect()
    const configEntries = [{ name: 'message.timestamp.type', value: 'CreateTime' }]
    await admin.createTopics({ topics: [{ topic: 'create-time', configEntries }] })
    await admin.disconnect()
    setClock(8 * 86_400_000)
    await expect((await open()).publish('create-time', [event('k', 0)])).rejects.toThrow(
      /refuses the time .* Set this machine's clock/,
    )
  })
})
