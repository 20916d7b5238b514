import type { Channel } from '@herald/notifier-service/channel'
import { loadConfig } from '@herald/notifier-service/config'
import { startSubscriber } from '@herald/notifier-service/subscriber'
import { Lifecycle, silentLogger } from '@herald/runtime'
import type { Bench, Comparison } from '../bench.js'
import { makeEvents } from '../events.js'
import { openKafka } from '../kafka.js'
import { freshData, freshGroup } from '../notifier.js'
import { preload } from '../preload.js'
import { consumeBatches } from '../rivals/kafkajs.js'

export const consume: Bench = {
  name: 'consume',
  about: 'the notifier with a channel that accepts at once: ledger, lanes, commits, outcomes',
  guarantees:
    'each event in the synced ledger before and after the attempt, order per key, offsets after outcomes',
  async open(context) {
    const kafka = await openKafka(context)
    if ('missing' in kafka) return [{ rival: 'bare kafkajs', absent: kafka.missing }]
    const count = context.short ? 300 : 30_000
    context.log(`publishing ${count} events`)
    const topic = await preload(kafka, 8, makeEvents(count))

    const ours = async () => {
      const lifecycle = new Lifecycle(silentLogger)
      const config = loadConfig({
        HERALD_BROKER: kafka.cluster.url,
        HERALD_TOPIC: topic,
        HERALD_GROUP: freshGroup(),
        HERALD_DATA: freshData(context),
        HERALD_NOTIFIER_PROBES: '127.0.0.1:0',
      })
      let firstAt = 0
      let delivered = 0
      const done = new Promise<number>((resolve, reject) => {
        const channel: Channel = {
          name: 'mail',
          readyName: 'nobody',
          address: ({ event, envelope }) => ({
            recipient: event.data.recipient?.address ?? '',
            from: 'bench',
            messageId: `<${envelope.id}@bench>`,
            template: 'none',
          }),
          async send(_outgoing, beforeBody) {
            if (firstAt === 0) firstAt = performance.now()
            await beforeBody()
            delivered += 1
            if (delivered === count) resolve(performance.now())
            return { kind: 'accepted', reply: '250 ok' }
          },
          probe: async () => {},
          close: () => {},
        }
        startSubscriber(
          { ...config, connections: 32 },
          { openChannel: () => channel, logger: silentLogger, lifecycle },
        ).catch(reject)
      })
      const lastAt = await done
      await lifecycle.close()
      if (delivered !== count) throw new Error(`${count} events were delivered ${delivered} times`)
      return count / ((lastAt - firstAt) / 1000)
    }
    return [
      {
        variant: 'absolute',
        rival: '10,000 events/s',
        rivalGuarantees: 'a fixed figure',
        unit: 'events/s',
        floor: { atLeast: 1 },
        goal: { atLeast: 3 },
        rounds: 5,
        ours,
        theirs: async () => 10_000,
      },
      {
        rival: 'bare kafkajs, eachBatch',
        rivalGuarantees:
          'reads and does nothing: no ledger, no order per key, offsets committed on a timer',
        unit: 'events/s',
        rounds: 5,
        ours,
        theirs: async () =>
          count / ((await consumeBatches(kafka.client(), topic, freshGroup(), count)) / 1000),
      },
    ] satisfies Comparison[]
  },
}
