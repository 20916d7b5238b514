import type { Bench, Contest } from '../bench.js'
import { captureMail } from '../capture-mail.js'
import { makeEvents } from '../events.js'
import { openKafka } from '../kafka.js'
import { freshGroup, startNotifier } from '../notifier.js'
import { preload } from '../preload.js'
import { startPlainLoop } from '../rivals/plain-loop.js'
import { mailsPerSecond, startSink } from '../smtp-sink.js'

const connections = 20
const partitions = 8

export const notify: Bench = {
  name: 'notify',
  about: 'Kafka to a mail server, events preloaded, 20 connections',
  guarantees:
    'ledger synced at 354 and at the reply, order per recipient, 0 lost and 0 twice or the round fails',
  async open(stage) {
    const kafka = await openKafka(stage)
    if ('missing' in kafka) return [{ rival: 'the plain loop', absent: kafka.missing }]
    const count = stage.short ? 200 : 50_000
    stage.say(`publishing ${count} events`)
    const topic = await preload(kafka, partitions, makeEvents(count))
    const sink = await startSink(stage)
    const mail = await captureMail(stage, kafka)
    const smtp = { smtpPort: sink.port, connections }
    const rate = (start: () => Promise<{ stop(): Promise<void> }>) =>
      mailsPerSecond(sink, { count, skipped: connections }, start)
    return [
      {
        rival: 'the plain loop',
        rivalGuarantees: `kafkajs' eachMessage, ${partitions} partitions at once, nodemailer's pool composing the same text and HTML; no ledger, nothing synced`,
        unit: 'mails/s',
        floor: { atLeast: 0.85 },
        goal: { atLeast: 1 },
        rounds: 5,
        ours: () =>
          rate(() =>
            startNotifier(stage, {
              ...smtp,
              broker: kafka.cluster.url,
              topic,
              group: freshGroup(),
            }),
          ),
        theirs: () =>
          rate(() => startPlainLoop(stage, kafka, { ...smtp, topic, partitions, mail })),
      },
    ] satisfies Contest[]
  },
}
