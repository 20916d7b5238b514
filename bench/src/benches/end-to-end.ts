import { setTimeout as delay } from 'node:timers/promises'
import { type BenchAnnouncer, openAnnouncingClient } from '../announcing-client.js'
import type { Bench, Comparison } from '../bench.js'
import { captureMail } from '../capture-mail.js'
import { makeEvent } from '../events.js'
import { openKafka } from '../kafka.js'
import { freshGroup, startNotifier } from '../notifier.js'
import { perSecond } from '../per-second.js'
import { oneSize, openPlainProducer, startPlainLoop } from '../rivals/plain-loop.js'
import { percentile } from '../rounds.js'
import { requireOnce, type SmtpSink, startSink } from '../smtp-sink.js'

const connections = 4
const p99MaxMs = 50

export const endToEnd: Bench = {
  name: 'end-to-end',
  about:
    'from the finished conversion, its file under a temporary name, to the accepted mail, at half load',
  guarantees:
    'outbox, file, folder and ledger synced; order per recipient; a lost or repeated mail fails the round',
  async open(context) {
    const kafka = await openKafka(context)
    if ('missing' in kafka) return [{ rival: 'the plain loop', absent: kafka.missing }]
    const sink = await startSink(context, { times: true })
    const sample = makeEvent('reader@example.com', oneSize)
    const mail = await captureMail(context, kafka, sample)
    const [topic, theirTopic] = [await kafka.topic(8), await kafka.topic(8)]
    const smtp = { smtpPort: sink.port, connections }
    const broker = kafka.cluster.url
    await startNotifier(context, { ...smtp, broker, topic, group: freshGroup() })
    await startPlainLoop(context, kafka, { ...smtp, topic: theirTopic, partitions: 1, mail })
    const client = await openAnnouncingClient(context, { broker, topic })
    const producer = await openPlainProducer(context, kafka, theirTopic)

    const [warm, timed] = context.short ? [5, 20] : [300, 1000]
    const maxRates: number[] = []
    for (const side of [client, producer]) {
      await maxRate(side, sink, warm)
      maxRates.push(await maxRate(side, sink, timed))
    }
    const rate = Math.min(...maxRates) / 2
    const [ours, theirs] = maxRates.map(Math.round)
    const load = `at ${Math.round(rate)} events/s, half of the slower side's maximum (${ours} ours, ${theirs} theirs)`
    context.log(load)

    const count = context.short ? 20 : Math.max(300, Math.round(rate * 4))
    const latency = async (side: BenchAnnouncer, percent: number) =>
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
        rival: `${p99MaxMs} ms`,
        rivalGuarantees: `a fixed figure; ${load}`,
        unit: 'ms',
        goal: { atMost: 1 },
        rounds: 7,
        ours: () => latency(client, 99),
        theirs: async () => p99MaxMs,
      },
    ] satisfies Comparison[]
  },
}

let addresses = 0
const newAddress = () => `reader-${addresses++}@example.com`

/** Mails per second with 16 callers, each of which waits for the broker's acknowledgement. */
async function maxRate({ announce }: BenchAnnouncer, sink: SmtpSink, count: number) {
  const from = performance.now()
  const arrived = sink.expect(count)
  await perSecond(count, 16, () => announce(newAddress()))
  requireOnce(await arrived, count)
  return (count * 1000) / (performance.now() - from)
}

/** The latency of each event. Events are announced at a fixed rate, without waiting for earlier ones. */
async function latencies(
  { announce }: BenchAnnouncer,
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
