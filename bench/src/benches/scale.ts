import { availableParallelism } from 'node:os'
import type { Bench, BenchStage, Contest, Entry } from '../bench.js'
import { startConverter } from '../converter.js'
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
/** So few that the mail server bounds a notifier: 40 mails/s at the most. */
const connections = 2
/** What the mail server lets one notifier send in the time that is measured, 4 s. */
const mailsEach = 4 * connections * (1000 / delayMs)
/** What one takes of the machine at that, its share of Kafka and of the client included. */
const coresOf = { notifier: 0.4, converter: 2 } as const

export const scale: Bench = {
  name: 'scale',
  about: `1 to 8 notifiers at a mail server that takes ${delayMs} ms a mail, ${connections} connections each, ${partitions} partitions, one ledger; 1 and 2 converters of one worker`,
  guarantees: 'ledger synced at 354 and at the reply, order per recipient, offsets after outcomes',
  async open(stage) {
    return [...(await notifiers(stage)), await converters(stage)]
  },
}

/** More of the same beside as many times one of them. */
function besideLinear(
  name: keyof typeof coresOf,
  many: number,
  unit: string,
  rateOf: (many: number) => Promise<number>,
): Contest {
  const coresLast = many * coresOf[name] <= cores
  return {
    variant: `${many} ${name}s`,
    rival: `linear: ${many} times one`,
    rivalGuarantees: `the same; ${cores} cores${coresLast ? '' : ', too few for so many: no bound'}`,
    unit,
    ...(coresLast ? { floor: { atLeast: 0.9 }, goal: { atLeast: 0.95 } } : {}),
    rounds: 5,
    ours: () => rateOf(many),
    theirs: async () => many * (await rateOf(1)),
  }
}

async function notifiers(stage: BenchStage): Promise<Entry[]> {
  const kafka = await openKafka(stage)
  if ('missing' in kafka) return [{ rival: 'linear', absent: kafka.missing }]
  const sink = await startSink(stage, { delayMs })
  const rateOf = (many: number) => mailsPerSecond(stage, kafka, sink, many)
  const numbers = stage.short ? [2] : [2, 4, 8]
  return numbers.map((many) => besideLinear('notifier', many, 'mails/s', rateOf))
}

async function mailsPerSecond(
  stage: BenchStage,
  kafka: BenchKafka,
  sink: SmtpSink,
  many: number,
): Promise<number> {
  const mails = stage.short ? 20 * many : mailsEach * many
  const [topic, group, data] = [await kafka.topic(partitions), freshGroup(), freshData(stage)]
  const settings = { broker: kafka.cluster.url, topic, group, data, connections }
  const running = await Promise.all(
    Array.from({ length: many }, () => startNotifier(stage, { ...settings, smtpPort: sink.port })),
  )
  await untilStable(kafka.client(), group, many)
  // Twice as many: none may run out of work before all are through.
  await fill(kafka, topic, makeEvents(2 * mails))
  // Until their code is warm: a process that has just begun takes twice the processor.
  const begun = await sink.expect(mails / 2)
  const from = performance.now()
  const done = await sink.reach(begun.unique + mails)
  const rate = (mails * 1000) / (performance.now() - from)
  if (done.count !== done.unique) throw new Error(`${done.count - done.unique} mails came twice`)
  await Promise.all(running.map((notifier) => notifier.stop()))
  return rate
}

async function converters(stage: BenchStage): Promise<Entry> {
  const path = await makePhotograph(stage.folder)
  const both = [
    await startConverter(stage, { HERALD_WORKERS: '1' }),
    await startConverter(stage, { HERALD_WORKERS: '1', HERALD_SPOOL: `${stage.folder}/spool-2` }),
  ]
  const images = stage.short ? 2 : 24
  // Two under way at each: while one uploads another is worked on.
  const rateOf = (many: number) =>
    perSecond(images * many, 2 * many, async (index) =>
      both[index % many]?.convert(path, [{ format: 'webp', width: 720 }]),
    )
  return besideLinear('converter', 2, 'images/s', rateOf)
}
