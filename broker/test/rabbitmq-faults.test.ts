import type { BrokerError } from '@herald/broker'
import { describeOnRabbitmq, useRabbitmq } from '@herald/rabbitmq/use-rabbitmq'
import { expect, onTestFinished, test } from 'vitest'
import { failureSuite } from './conformance/failures.js'
import {
  collector,
  interleaved,
  keysOutOfOrder,
  publishPersistently,
  useFixture,
} from './conformance/fixture.js'

const keys = 100

describeOnRabbitmq('RabbitMQ: failures', () => {
  const rabbitmq = useRabbitmq()
  const createBroker = async () => ({ url: rabbitmq.url, dispose: async () => {} })
  const fixture = useFixture(createBroker)

  failureSuite('rabbitmq', fixture, {
    beforeKill: () => rabbitmq.server.untilRegistered(),
    async restart() {
      await rabbitmq.server.kill()
      await rabbitmq.server.start()
    },
  })

  test('short of disk: publishers get an error, members go on, nothing acknowledged is lost', async () => {
    const broker = await fixture.open()
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await broker.publish(fixture.topic, interleaved(keys, 1))
    await rabbitmq.server.ctl('set_disk_free_limit', '900000GB')
    onTestFinished(async () => void (await rabbitmq.server.ctl('set_disk_free_limit', '50MB')))
    const startedAt = performance.now()
    const refusal = await broker
      .publish(fixture.topic, interleaved(keys, 1, 1))
      .catch((error: BrokerError) => error)
    expect(refusal).toMatchObject({ code: 'BROKER_FAILED', retryable: true })
    expect((refusal as BrokerError).message).toMatch(/low on disk.*disk_free_limit/)
    console.log(
      `rabbitmq, disk alarm: refused after ${Math.round(performance.now() - startedAt)} ms`,
    )
    await fixture.until(() => expect(got.seen.size).toBe(keys))
    await rabbitmq.server.ctl('set_disk_free_limit', '50MB')
    await publishPersistently(broker, fixture.topic, interleaved(keys, 1, 1))
    await fixture.until(() => expect(got.seen.size).toBe(2 * keys))
    expect(keysOutOfOrder(got.ids)).toEqual([])
  }, 60_000)
})
