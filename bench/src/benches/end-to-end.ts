import { setTimeout as delay } from 'node:timers/promises'
import { type Announces, openAnnouncingClient } from '../announcing-client.js'
import type { Bench, Contest } from '../bench.js'
import { captureMail } from '../capture-mail.js'
import { makeEvent } from '../events.js'
import { openKafka } from '../kafka.js'
import { freshGroup, startNotifier } from '../notifier.js'
import { perSecond } from '../per-second.js'
import { oneSize, openPlainProducer, startPlainLoop } from '../rivals/plain-loop.js'
import { percentile } from '../rounds.js'
import { requireOnce, type SmtpSink, startSink } from '../smtp-sink.js'

const connections = 4
const p99BoundMs = 50

export const endToEnd: Bench = {
  name: 'end-to-end',
  about:
    'from the finished conversion, its file on disk and yet without its name, to the mail taken, at half load',
  guarantees:
    'record, file, folder and ledger synced on the way; order per recipient, 0 lost and 0 twice or the round fails',
  async open(stage) {
    const kafka = await openKafka(stage)
    if ('missing' in kafka) return [{ rival: 'the plain loop', absent: kafka.missing }]
    const sink = await startSink(stage, { times: true })
    const like = makeEvent('reader@example.com', oneSize)
    const mail = await captureMail(stage, kafka, like)
    const [topic, theirTopic] = [await kafka.topic(8), await kafka.topic(8)]
    const smtp = { smtpPort: sink.port, connections }
    const broker = kafka.cluster.url
    await startNotifier(stage, { ...smtp, broker, topic, group: freshGroup() })
    await startPlainLoop(stage, kafka, { ...smtp, topic: theirTopic, partitions: 1, mail })
    const client = await openAnnouncingClient(stage, { broker, topic })
    const producer = await openPlainProducer(stage, kafka, theirTopic)

    const [warm, timed] = stage.short ? [5, 20] : [300, 1000]
    const highest: number[] = []
    for (const side of [client, producer]) {
      await highestRate(side, sink, warm)
      highest.push(await highestRate(side, sink, timed))
    }
    const rate = Math.min(...highest) / 2
    const [ours, theirs] = highest.map(Math.round)
    const load = `at ${Math.round(rate)} events/s, half of what the slower keeps up (${ours} ours, ${theirs} theirs)`
    stage.say(load)

    const count = stage.short ? 20 : Math.max(300, Math.round(rate * 4))
    const latency = async (side: Announces, percent: number) =>
      percentile(await latencies(side, sink, { count, rate }), percent)
    return [
      {
        variant: 'p50',
        rival: 'the plain loop',
        rivalGuarantees: `kafkajs acks=all, eachMessage, nodemailer composing the same text and HTML; no ledger, no sync; ${load}`,
        unit: 'ms',
        floor: { atMost: 1.5 },
        goal: { atMost: 1.1 },
        rounds: 7,
        ours: () => latency(client, 50),
        theirs: () => latency(producer, 50),
      },
      {
        variant: 'p99',
        rival: `${p99BoundMs} ms`,
        rivalGuarantees: `a figure, not a program; ${load}`,
        unit: 'ms',
        goal: { atMost: 1 },
        rounds: 7,
        ours: () => latency(client, 99),
        theirs: async () => p99BoundMs,
      },
    ] satisfies Contest[]
  },
}

let addresses = 0
const newAddress = () => `reader-${addresses++}@example.com`

/** Mails a second when a few announce one after the other, each waiting for the broker to have it. */
async function highestRate({ announce }: Announces, sink: SmtpSink, count: number) {
  const from = performance.now()
  const arrived = sink.expect(count)
  await perSecond(count, 16, () => announce(newAddress()))
  requireOnce(await arrived, count)
  return (count * 1000) / (performance.now() - from)
}

/** Of each event; they are announced when their time has come, whatever became of those before. */
async function latencies(
  { announce }: Announces,
  sink: SmtpSink,
  { count, rate }: { readonly count: number; readonly rate: number },
): Promise<number[]> {
  const arrived = sink.expect(count)
  const from = performance.now()
  const announced: Promise<readonly [address: string, finishedAt: number]>[] = []
  for (let index = 0; index < count; index++) {
    const leftMs = from + (index * 1000) / rate - performance.now()
    if (leftMs > 0) await delay(leftMs)
    const address = newAddress()
    announced.push(announce(address).then((finishedAt) => [address, finishedAt]))
  }
  const report = await arrived
  requireOnce(report, count)
  const finished = await Promise.all(announced)
  return finished.map(([address, finishedAt]) => (report.at[address] ?? Number.NaN) - finishedAt)
}
