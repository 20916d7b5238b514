import type { Bench, Comparison } from '../bench.js'
import { captureMail } from '../capture-mail.js'
import { makeEvents } from '../events.js'
import { openKafka } from '../kafka.js'
import { freshGroup, startNotifier } from '../notifier.js'
import { preload } from '../preload.js'
import { startPlainLoop } from '../rivals/plain-loop.js'
import { mailsPerSecond, startSink } from '../smtp-sink.js'

const connections = 20
const keys = 100
const delayMs = 50

export const notifySlowSmtp: Bench = {
  name: 'notify-slow-smtp',
  about: `a mail server that takes ${delayMs} ms a mail, 1 partition, ${keys} keys, ${connections} connections`,
  guarantees: 'ledger synced at 354 and at the reply, order per recipient, offsets after outcomes',
  async open(context) {
    const kafka = await openKafka(context)
    if ('missing' in kafka) return [{ rival: 'the plain loop', absent: kafka.missing }]
    const sink = await startSink(context, { delayMs })
    const mail = await captureMail(context, kafka)
    const many = context.short ? 100 : 4000
    const few = context.short ? 5 : 100
    const [manyTopic, fewTopic] = [
      await preload(kafka, 1, makeEvents(many, keys)),
      await preload(kafka, 1, makeEvents(few, keys)),
    ]

    const ours = () =>
      mailsPerSecond(sink, { count: many, skipped: connections }, () =>
        startNotifier(context, {
          broker: kafka.cluster.url,
          topic: manyTopic,
          group: freshGroup(),
          smtpPort: sink.port,
          connections,
        }),
      )
    const theirs = () =>
      mailsPerSecond(sink, { count: few, skipped: 1 }, () =>
        startPlainLoop(context, kafka, {
          topic: fewTopic,
          smtpPort: sink.port,
          connections: 1,
          partitions: 1,
          mail,
        }),
      )
    return [
      {
        rival: 'the plain loop',
        rivalGuarantees: 'one mail after the other, offsets committed on a timer, no ledger',
        unit: 'mails/s',
        floor: { atLeast: 15 },
        goal: { atLeast: 19 },
        rounds: 5,
        ours,
        theirs,
      },
    ] satisfies Comparison[]
  },
}
