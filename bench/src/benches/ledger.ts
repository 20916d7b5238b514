import { findPostgres, startPostgres } from '@herald/postgres'
import type { Bench, BenchContext, Comparison } from '../bench.js'
import { makeEvents } from '../events.js'
import { type BenchKafka, openKafka } from '../kafka.js'
import { freshData, freshGroup, startNotifier } from '../notifier.js'
import { fill } from '../preload.js'
import { untilStable } from '../rivals/kafkajs.js'
import { type SmtpSink, startSink } from '../smtp-sink.js'

const partitions = 8
const connections = 20
const mailsEach = 6000

export const ledger: Bench = {
  name: 'ledger',
  about: `1, 2 and 4 notifiers as fast as they can, ${connections} connections each, ${partitions} partitions, with one ledger in PostgreSQL on the same machine`,
  guarantees:
    'PostgreSQL: committed and synced at 354 and at the reply; shared by notifiers on several machines',
  async open(context) {
    const rival = 'the ledger in a folder'
    const kafka = await openKafka(context)
    if ('missing' in kafka) return [{ rival, absent: kafka.missing }]
    const found = await findPostgres()
    if ('missing' in found) return [{ rival: 'PostgreSQL', absent: found.missing }]
    const server = await startPostgres({ installation: found.installation })
    context.defer(() => server.destroy())
    const sink = await startSink(context)
    let schemas = 0
    const inPostgres = () => `${server.url}?schema=bench_${++schemas}`
    const numbers = context.short ? [2] : [1, 2, 4]
    return numbers.map(
      (many): Comparison => ({
        variant: many === 1 ? '1 notifier' : `${many} notifiers`,
        rival,
        rivalGuarantees: 'LMDB: synced at the same moments; for the notifiers of one machine',
        unit: 'mails/s',
        rounds: 5,
        versions: { postgresql: found.installation.version },
        ours: () => mailsPerSecond(context, { kafka, sink, many, ledger: inPostgres() }),
        theirs: () => mailsPerSecond(context, { kafka, sink, many }),
      }),
    )
  },
}

interface Run {
  readonly kafka: BenchKafka
  readonly sink: SmtpSink
  readonly many: number
  /** The value of HERALD_LEDGER; absent: a folder that all share. */
  readonly ledger?: string
}

async function mailsPerSecond(context: BenchContext, run: Run): Promise<number> {
  const { kafka, sink, many, ledger } = run
  const mails = context.short ? 20 * many : mailsEach
  const [topic, group, data] = [await kafka.topic(partitions), freshGroup(), freshData(context)]
  const broker = kafka.cluster.url
  const settings = { broker, topic, group, data, connections, smtpPort: sink.port, ledger }
  const running = await Promise.all(
    Array.from({ length: many }, () => startNotifier(context, settings)),
  )
  await untilStable(kafka.client(), group, many)
  // More than are measured, so that no notifier runs out of work before the others are done.
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
