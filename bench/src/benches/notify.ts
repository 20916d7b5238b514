import type { Bench, Comparison } from '../bench.js'
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
    'ledger synced at 354 and at the reply; order per recipient; a lost or repeated mail fails the round',
  async open(context) {
    const kafka = await openKafka(context)
    if ('missing' in kafka) return [{ rival: 'the plain loop', absent: kafka.missing }]
    const count = context.short ? 200 : 50_000
    context.log(`publishing ${count} events`)
    const topic = await preload(kafka, partitions, makeEvents(count))
    const sink = await startSink(context)
    const mail = await captureMail(context, kafka)
    const smtp = { smtpPort: sink.port, connections }
    const rate = (start: () => Promise<{ stop(): Promise<void> }>) =>
      mailsPerSecond(sink, { count, skipped: connections }, start)
    return [
      {
        rival: 'the plain loop',
        rivalGuarantees: `kafkajs' eachMessage, ${partitions} partitions at once, nodemailer's pool composing the same text and HTML; no ledger, no sync`,
        unit: 'mails/s',
        floor: { atLeast: 0.85 },
        goal: { atLeast: 1 },
        rounds: 5,
        ours: () =>
          rate(() =>
            startNotifier(context, {
              ...smtp,
              broker: kafka.cluster.url,
              topic,
              group: freshGroup(),
            }),
          ),
        theirs: () =>
          rate(() => startPlainLoop(context, kafka, { ...smtp, topic, partitions, mail })),
      },
    ] satisfies Comparison[]
  },
}
