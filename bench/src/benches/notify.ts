import type { Bench, Contest } from '../bench.js'
import { captureMail } from '../capture-mail.js'
import { makeEvents } from '../events.js'
import { openKafka } from '../kafka.js'
import { freshGroup, startNotifier } from '../notifier.js'
import { preload } from '../preload.js'
import { openPool } from '../rivals/nodemailer.js'
import { requireOnce, startSink } from '../smtp-sink.js'

const connections = 20

export const notify: Bench = {
  name: 'notify',
  about:
    'Kafka to a mail server, events preloaded, every program with its defaults but 20 connections',
  guarantees:
    'ledger synced at 354 and at the reply, order per recipient, 0 lost and 0 twice or the round fails',
  async open(stage) {
    const kafka = await openKafka(stage)
    if ('missing' in kafka) return [{ rival: 'nodemailer pool', absent: kafka.missing }]
    const count = stage.short ? 200 : 50_000
    stage.say(`publishing ${count} events`)
    const topic = await preload(kafka, 8, makeEvents(count))
    const sink = await startSink(stage)
    const mail = await captureMail(stage, kafka)

    const ours = async () => {
      // From the first mails on: what a start costs is the bench `start`'s affair.
      const begun = sink.expect(connections)
      const notifier = await startNotifier(stage, {
        broker: kafka.cluster.url,
        topic,
        group: freshGroup(),
        smtpPort: sink.port,
        connections,
      })
      await begun
      const { unique } = await sink.report()
      const from = performance.now()
      await sink.reach(count)
      const seconds = (performance.now() - from) / 1000
      await notifier.stop()
      requireOnce(await sink.report(), count)
      return (count - unique) / seconds
    }
    const theirs = async () => {
      const pool = openPool(sink.port, connections)
      const arrived = sink.expect(count)
      const from = performance.now()
      let next = 0
      const sender = async () => {
        while (next < count) {
          const index = next++
          await pool.send(`reader-${index}@example.com`, mail.named(`rival-${index}`))
        }
      }
      await Promise.all(Array.from({ length: 2 * connections }, sender))
      await arrived
      const rate = count / ((performance.now() - from) / 1000)
      pool.close()
      return rate
    }
    return [
      {
        rival: 'nodemailer pool',
        rivalGuarantees:
          'the same bytes, composed before, to the same server; no Kafka, no ledger, nothing kept',
        unit: 'mails/s',
        floor: { atLeast: 0.85 },
        goal: { atLeast: 1 },
        rounds: 5,
        ours,
        theirs,
      },
    ] satisfies Contest[]
  },
}
