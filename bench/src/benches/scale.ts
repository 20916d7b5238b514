import { availableParallelism } from 'node:os'
import type { Bench, BenchContext, Comparison, Entry } from '../bench.js'
import { openClient, startConverter } from '../converter.js'
import { makeEvents } from '../events.js'
import { type BenchKafka, openKafka } from '../kafka.js'
import { freshData, freshGroup, startNotifier } from '../notifier.js'
import { perSecond } from '../per-second.js'
import { makePhotograph } from '../pictures.js'
import { fill } from '../preload.js'
import { untilStable } from '../rivals/kafkajs.js'
import { type SmtpSink, startSink } from '../smtp-sink.js'

const cores = availableParallelism()
const partitions = 8
const delayMs = 50
/** Few, so that the mail server limits a notifier to 40 mails/s. */
const connections = 2
/** What one notifier can send in the measured time, 4 s. */
const mailsEach = 4 * connections * (1000 / delayMs)
/** The cores that one uses, with its share of Kafka and of the client. */
const coresPer = { notifier: 0.4, converter: 2 } as const

export const scale: Bench = {
  name: 'scale',
  about: `1 to 8 notifiers at a mail server that takes ${delayMs} ms a mail, ${connections} connections each, ${partitions} partitions, one ledger; 1 and 2 converters of one child process`,
  guarantees: 'ledger synced at 354 and at the reply, order per recipient, offsets after outcomes',
  async open(context) {
    return [...(await notifiers(context)), await converters(context)]
  },
}

/** Compares `many` with `many` times one. */
function besideLinear(
  name: keyof typeof coresPer,
  many: number,
  unit: string,
  rateOf: (many: number) => Promise<number>,
): Comparison {
  const hasEnoughCores = many * coresPer[name] <= cores
  return {
    variant: `${many} ${name}s`,
    rival: `linear: ${many} times one`,
    rivalGuarantees: `the same; ${cores} cores${hasEnoughCores ? '' : ', too few for this number: no bound'}`,
    unit,
    ...(hasEnoughCores ? { floor: { atLeast: 0.9 }, goal: { atLeast: 0.95 } } : {}),
    rounds: 5,
    ours: () => rateOf(many),
    theirs: async () => many * (await rateOf(1)),
  }
}

async function notifiers(context: BenchContext): Promise<Entry[]> {
  const kafka = await openKafka(context)
  if ('missing' in kafka) return [{ rival: 'linear', absent: kafka.missing }]
  const sink = await startSink(context, { delayMs })
  const rateOf = (many: number) => mailsPerSecond(context, kafka, sink, many)
  const numbers = context.short ? [2] : [2, 4, 8]
  return numbers.map((many) => besideLinear('notifier', many, 'mails/s', rateOf))
}

async function mailsPerSecond(
  context: BenchContext,
  kafka: BenchKafka,
  sink: SmtpSink,
  many: number,
): Promise<number> {
  const mails = context.short ? 20 * many : mailsEach * many
  const [topic, group, data] = [await kafka.topic(partitions), freshGroup(), freshData(context)]
  const settings = { broker: kafka.cluster.url, topic, group, data, connections }
  const running = await Promise.all(
    Array.from({ length: many }, () =>
      startNotifier(context, { ...settings, smtpPort: sink.port }),
    ),
  )
  await untilStable(kafka.client(), group, many)
  // Twice as many, so that no notifier runs out of work before the others are done.
  await fill(kafka, topic, makeEvents(2 * mails))
  // A warm-up: a process that has just started takes twice the processor time.
  const begun = await sink.expect(mails / 2)
  const from = performance.now()
  const done = await sink.reach(begun.unique + mails)
  const rate = (mails * 1000) / (performance.now() - from)
  if (done.count !== done.unique)
    throw new Error(`${done.count - done.unique} mails were received twice`)
  await Promise.all(running.map((notifier) => notifier.stop()))
  return rate
}

async function converters(context: BenchContext): Promise<Entry> {
  const path = await makePhotograph(context.folder)
  const both = [
    await startConverter(context, { HERALD_WORKERS: '1' }),
    await startConverter(context, {
      HERALD_WORKERS: '1',
      HERALD_SPOOL: `${context.folder}/spool-2`,
    }),
  ]
  const images = context.short ? 2 : 24
  const clients = both.map((_, last) => openClient(context, both.slice(0, last + 1)))
  // Two calls at each: while one uploads, the other is converted.
  const rateOf = (many: number) =>
    perSecond(images * many, 2 * many, async () =>
      clients[many - 1]?.convert(path, [{ format: 'webp', width: 720 }]),
    )
  return besideLinear('converter', 2, 'images/s', rateOf)
}
