import type { Bench, Comparison, Entry } from '../bench.js'
import { consumeRate, deliveryLatency, fillTopic, publishRate } from '../broker-load.js'
import { type BrokerServer, openKafkaServer, otherServers } from '../broker-servers.js'
import { makeEvents } from '../events.js'

const callers = 32

export const brokers: Bench = {
  name: 'brokers',
  about: `each broker through the same interface: events of 1 KB published by ${callers} callers at once, events handled and committed, time from publish to handler at 25 events/s`,
  guarantees:
    'at least once, order per key; embedded: synced before publish returns; RabbitMQ, NATS: written, synced later',
  async open(context) {
    const kafka = await openKafkaServer(context)
    if ('missing' in kafka) return [{ rival: 'Kafka', absent: kafka.missing }]
    const events = makeEvents(context.short ? 200 : 50_000)
    const latency = { events: context.short ? 5 : 50, gapMs: 40 }
    const consumed = async ({ url }: BrokerServer) => {
      await fillTopic(url, 'consumed', events)
      return () => consumeRate(url, 'consumed', events.length)
    }
    const consumeKafka = await consumed(kafka)
    const entries: Entry[] = []
    for (const [name, open] of Object.entries(otherServers)) {
      context.log(`starting ${name}`)
      const server = await open(context)
      if ('missing' in server) {
        entries.push({ rival: name, absent: server.missing })
        continue
      }
      const common = {
        rival: 'Kafka',
        rivalGuarantees: 'the same; acks=all of one broker: written, synced later',
        rounds: 5,
        versions: { kafka: kafka.version, [name]: server.version },
      }
      const publish = ({ url }: BrokerServer) =>
        publishRate(url, 'published', events.slice(0, events.length / 5), callers)
      const deliver = ({ url }: BrokerServer) => deliveryLatency(url, 'delivered', latency)
      entries.push(
        {
          ...common,
          variant: `${name}, publish`,
          unit: 'events/s',
          ours: () => publish(server),
          theirs: () => publish(kafka),
        } satisfies Comparison,
        {
          ...common,
          variant: `${name}, consume`,
          unit: 'events/s',
          ours: await consumed(server),
          theirs: consumeKafka,
        } satisfies Comparison,
        {
          ...common,
          variant: `${name}, publish to handler, p50`,
          unit: 'ms',
          ours: () => deliver(server),
          theirs: () => deliver(kafka),
        } satisfies Comparison,
      )
    }
    return entries
  },
}
