import { all, cutAt, hangAt, holdReply } from './behaviours.js'
import { countAtSink } from './count.js'
import { makeEvent, makeEvents, people, type TestEvent } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { type Random, seeded, whole } from './seeded.js'

export interface BadMailboxOptions {
  readonly seed: number
  /** To others. */
  readonly events: number
  readonly perSecond: number
  /** The others' 99th percentile with the bad mailboxes over that without; Infinity: no bound. */
  readonly maxRatio: number
}

const bad = Array.from({ length: 5 }, (_, index) => `bad-${index}@example.com`)
const [dropped = '', ...hanging] = bad
const attempts = 3
const env = { HERALD_SMTP_TIMEOUT: '3s', HERALD_MAIL_ATTEMPTS: String(attempts) }

/** The mail server does not answer four mailboxes and cuts the connection at a fifth. */
export async function runBadMailbox(
  kafkaFixture: KafkaFixture,
  options: BadMailboxOptions,
): Promise<Result> {
  const random = seeded(options.seed)
  const runWithoutBad = () =>
    runOnce(kafkaFixture, options, makeEvents(options.events, people(50), random))
  const first = await runWithoutBad()
  const events = withBad(random, makeEvents(options.events, people(50), random))
  const disturbed = await runOnce(kafkaFixture, options, events)
  // Before and after, and the faster one counts: the first run on a new Kafka is slow.
  const second = await runWithoutBad()
  const undisturbed = first.p99Ms < second.p99Ms ? first : second
  const ratio = disturbed.p99Ms / undisturbed.p99Ms
  const { failures, check } = createChecks()
  for (const { settled, seen, others } of [first, disturbed, second]) {
    check(settled, 'not every event has an outcome')
    const lost = others.filter(({ id }) => seen.lost.includes(id)).length
    check(lost === 0, `${lost} mails to others lost`)
    check(seen.duplicates === 0, `${seen.duplicates} duplicates`)
    check(seen.outOfOrder === 0, `${seen.outOfOrder} mails out of order`)
  }
  check(
    disturbed.attempts.every((made) => made === attempts),
    `attempts made: ${disturbed.attempts.join()}`,
  )
  check(
    disturbed.deadLetters === bad.length,
    `${disturbed.deadLetters} dead letters for ${bad.length} mailboxes`,
  )
  check(
    ratio <= options.maxRatio,
    `the others' p99 is ${ratio.toFixed(2)} times that without the bad mailboxes`,
  )
  return {
    scenario: 'one bad mailbox',
    figures: {
      events: events.length,
      unique: disturbed.seen.unique,
      duplicate: disturbed.seen.duplicates,
      'out of order': disturbed.seen.outOfOrder,
      'dead letters': disturbed.deadLetters,
      'p50 ms': `${disturbed.p50Ms}/${undisturbed.p50Ms}`,
      'p99 ms': `${disturbed.p99Ms}/${undisturbed.p99Ms}`,
      ratio: ratio.toFixed(2),
    },
    failures: [...new Set(failures)],
  }
}

/** A mail to each of the bad mailboxes among the second tenth: later mails prove that the server works. */
function withBad(random: Random, events: readonly TestEvent[]): TestEvent[] {
  const mixed = [...events]
  const tenth = Math.floor(events.length / 10)
  for (const recipient of bad) {
    mixed.splice(tenth + whole(random, tenth), 0, makeEvent(recipient, 0))
  }
  return mixed
}

async function runOnce(
  kafkaFixture: KafkaFixture,
  { perSecond }: BadMailboxOptions,
  events: readonly TestEvent[],
) {
  const behaviour = all(hangAt(hanging), cutAt(dropped), holdReply(10))
  const others = events.filter(({ recipient }) => !bad.includes(recipient))
  const mine = events.filter(({ recipient }) => bad.includes(recipient))
  return runScenario(kafkaFixture, { notifiers: 1, behaviour, env }, async (context) => {
    const { sink, ledger, workspace, finish } = context
    const publishedAt = new Map<string, number>()
    const onProgress = (published: number) => {
      for (const { id } of events.slice(publishedAt.size, published)) {
        publishedAt.set(id, Date.now())
      }
    }
    const { broker } = kafkaFixture
    await publishPaced(events, { broker, topic: workspace.topic, perSecond, onProgress })
    const settled = await ledger.untilSettled(events, 60_000)
    const records = await ledger.findAll(mine.map(({ id }) => id))
    const made = records.map((record) => record?.attempts ?? 0)
    const { deadLetters } = await finish()
    // Without the first ones, which wait for the consumer to join and for connections.
    const early = events.slice(0, events.length / 10)
    for (const { id } of early) publishedAt.delete(id)
    const waits = sink.sends
      .flatMap(({ eventId = '', repliedAt }) => {
        const since = publishedAt.get(eventId)
        return since === undefined || repliedAt === undefined ? [] : [repliedAt - since]
      })
      .sort((one, other) => one - other)
    const percentile = (share: number) => waits[Math.floor(waits.length * share)] ?? Number.NaN
    return {
      settled,
      seen: countAtSink(events, sink.sends),
      others,
      attempts: made,
      deadLetters: deadLetters.length,
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
    }
  })
}
