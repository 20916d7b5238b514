import { describe, expect, test } from 'vitest'
import { compose } from '../compose.js'
import { convertFiles } from './run-of-files.js'

const tool = async (...args: string[]) =>
  (
    await compose(
      ['exec', '--no-TTY', 'kafka', '/opt/kafka/bin/kafka-topics.sh'].concat(
        '--bootstrap-server',
        'kafka:19092,kafka-2:19092,kafka-3:19092',
        ...args,
      ),
    )
  ).stdout

const services = ['kafka', 'kafka-2', 'kafka-3']
const others = services.slice(1)

/** The broker that leads most partitions, of those the tool does not run in. */
async function leadingBroker(): Promise<string> {
  const text = await tool('--describe', '--topic', 'notifications')
  const led = [...text.matchAll(/Leader: (\d)/g)].map(([, id]) => services[Number(id) - 1] ?? '')
  const count = (service: string) => led.filter((each) => each === service).length
  return others.reduce((most, each) => (count(each) > count(most) ? each : most))
}

const allInSync = () =>
  expect
    .poll(() => tool('--describe', '--under-replicated-partitions'), {
      timeout: 60_000,
      interval: 1000,
    })
    .toBe('')

describe('three brokers', () => {
  test('keep three replicas of each event, and want two before it counts as published', async () => {
    const text = await tool('--describe', '--topic', 'notifications')
    expect(text).toMatch(/ReplicationFactor: 3\b.*min\.insync\.replicas=2/)
  })

  test('one killed, and then a leader of partitions: publishing and delivery go on', async () => {
    const run = convertFiles('brokers', 60)
    await run.begun()
    const first = (await leadingBroker()) === 'kafka-2' ? 'kafka-3' : 'kafka-2'
    await compose(['kill', first])
    await compose(['up', '--detach', '--wait', '--no-build', '--no-deps', first])
    await allInSync()
    await compose(['kill', await leadingBroker()])
    await run.expectDelivered()
    await compose(['up', '--detach', '--wait', '--no-build', '--no-deps', ...others])
    await allInSync()
  })
})
