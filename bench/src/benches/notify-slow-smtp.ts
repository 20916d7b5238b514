import type { Bench, Contest } from '../bench.js'
import { captureMail } from '../capture-mail.js'
import { makeEvents } from '../events.js'
import { openKafka } from '../kafka.js'
import { freshGroup, startNotifier } from '../notifier.js'
import { preload } from '../preload.js'
import { startLoop } from '../rivals/kafkajs.js'
import { openPool } from '../rivals/nodemailer.js'
import { requireOnce, startSink } from '../smtp-sink.js'

const connections = 20
const keys = 100
const delayMs = 50

export const notifySlowSmtp: Bench = {
  name: 'notify-slow-smtp',
  about: `a mail server that takes ${delayMs} ms a mail, 1 partition, ${keys} keys, ${connections} connections`,
  guarantees: 'ledger synced at 354 and at the reply, order per recipient, offsets after outcomes',
  async open(stage) {
    const kafka = await openKafka(stage)
    if ('missing' in kafka) return [{ rival: 'eachMessage loop', absent: kafka.missing }]
    const sink = await startSink(stage, { delayMs })
    const mail = await captureMail(stage, kafka)
    const many = stage.short ? 100 : 4000
    const few = stage.short ? 5 : 100
    const [manyTopic, fewTopic] = [
      await preload(kafka, 1, makeEvents(many, keys)),
      await preload(kafka, 1, makeEvents(few, keys)),
    ]

    const ours = async () => {
      // From the first mail on: what a start costs is the bench `start`'s affair.
      const begun = sink.expect(connections)
      const notifier = await startNotifier(stage, {
        broker: kafka.cluster.url,
        topic: manyTopic,
        group: freshGroup(),
        smtpPort: sink.port,
        connections,
      })
      await begun
      const { unique } = await sink.report()
      const from = performance.now()
      await sink.reach(many)
      const rate = (many - unique) / ((performance.now() - from) / 1000)
      await notifier.stop()
      requireOnce(await sink.report(), many)
      return rate
    }
    const theirs = async () => {
      const pool = openPool(sink.port, 1)
      let firstAt = 0
      let told = 0
      let loop: { stop(): Promise<void> } | undefined
      const lastAt = await new Promise<number>((resolve, reject) => {
        startLoop(kafka.client(), fewTopic, freshGroup(), async ({ message }) => {
          await pool.send(message.key?.toString() ?? '', mail.named(`loop-${told}`))
          if (firstAt === 0) firstAt = performance.now()
          told += 1
          if (told === few) resolve(performance.now())
        }).then((started) => {
          loop = started
        }, reject)
      })
      await loop?.stop()
      pool.close()
      return (few - 1) / ((lastAt - firstAt) / 1000)
    }
    return [
      {
        rival: 'eachMessage loop',
        rivalGuarantees:
          'the loop of every tutorial: one mail after the other, offsets by the clock, no ledger',
        unit: 'mails/s',
        floor: { atLeast: 15 },
        goal: { atLeast: 19 },
        rounds: 5,
        ours,
        theirs,
      },
    ] satisfies Contest[]
  },
}
