import { openBroker } from '@herald/broker'
import { openOutbox } from '@herald/broker/outbox'
import { startRelay } from '@herald/broker/relay'
import { silentLogger } from '@herald/runtime'
import type { Bench, Comparison, Entry } from '../bench.js'
import { makeEvents } from '../events.js'
import { openKafka } from '../kafka.js'
import { perSecond } from '../per-second.js'
import { openProducer } from '../rivals/kafkajs.js'
import { findProducerPerformance } from '../rivals/producer-performance.js'

const callers = 64

export const publish: Bench = {
  name: 'publish',
  about: `events of 1 KB with CloudEvents headers, ${callers} callers at once, each waiting for its own`,
  guarantees:
    'acks=all, one send in flight per partition, order per key; with the outbox synced to disk before',
  async open(context) {
    const kafka = await openKafka(context)
    if ('missing' in kafka) return [{ rival: 'bare kafkajs', absent: kafka.missing }]
    const topic = await kafka.topic(8)
    const count = context.short ? 200 : 2000
    const events = makeEvents(count)
    const logger = silentLogger
    const broker = await openBroker(kafka.cluster.url, { logger })
    context.defer(() => broker.close())
    const outbox = await openOutbox(`${context.folder}/outbox`, {
      broker: kafka.cluster.url,
      logger,
    })
    context.defer(() => outbox.close())
    const relay = startRelay(outbox, () => openBroker(kafka.cluster.url, { logger }), { logger })
    context.defer(() => relay.stop())
    const producer = await openProducer(kafka.client())
    context.defer(() => producer.close())

    const rate = (publishOne: (index: number) => Promise<unknown>) =>
      perSecond(count, callers, publishOne)
    const event = (index: number) => [events[index] as (typeof events)[number]]
    const theirs = () => rate((index) => producer.send(topic, event(index)))
    const publishThroughOutbox = async (index: number) => {
      const id = await outbox.prepare({ topic, messages: event(index), files: [], label: 'bench' })
      await outbox.place(id)
      if (!(await outbox.untilPublished(id, 60_000))) throw new Error('an entry was not published')
    }
    const common = {
      rival: 'bare kafkajs',
      rivalGuarantees: 'acks=all; no order between sends in flight, nothing survives a crash',
      unit: 'events/s',
      rounds: 7,
      theirs,
    }
    const batches = Array.from({ length: count / 100 }, (_, batch) =>
      events.slice(batch * 100, (batch + 1) * 100),
    )
    const inBatches = async (send: (batch: typeof events) => Promise<unknown>) => {
      const from = performance.now()
      for (const batch of batches) await send(batch)
      return count / ((performance.now() - from) / 1000)
    }
    const tool = await findProducerPerformance(kafka.installation)
    const toolName = 'kafka-producer-perf-test'
    const besideTool: Entry =
      'missing' in tool
        ? { rival: toolName, absent: tool.missing }
        : {
            variant: 'one caller, batches of 100',
            rival: toolName,
            rivalGuarantees:
              'acks=all, idempotent; Java, 1 KB of random letters without headers, sends in flight unlimited',
            versions: { 'kafka-tools': kafka.installation.version },
            unit: 'events/s',
            rounds: 5,
            ours: () => inBatches((batch) => broker.publish(topic, batch)),
            theirs: () =>
              tool.measure({
                bootstrap: kafka.cluster.bootstrap,
                topic,
                records: context.short ? 1000 : 50_000,
                recordBytes: 1024,
              }),
          }
    return [
      {
        ...common,
        variant: 'with the outbox',
        floor: { atLeast: 0.5 },
        goal: { atLeast: 0.8 },
        ours: () => rate(publishThroughOutbox),
      },
      {
        ...common,
        variant: 'without',
        floor: { atLeast: 0.9 },
        ours: () => rate((index) => broker.publish(topic, event(index))),
      },
      {
        ...common,
        variant: 'one caller, batches of 100',
        floor: { atLeast: 0.9 },
        ours: () => inBatches((batch) => broker.publish(topic, batch)),
        theirs: () => inBatches((batch) => producer.send(topic, batch)),
      } satisfies Comparison,
      besideTool,
    ]
  },
}
