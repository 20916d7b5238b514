import { findKafka } from '@herald/kafka'
import { findPostgres } from '@herald/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type KafkaFixture, openKafkaFixture } from '#src/faults/kafka-fixture'
import { openNetwork } from '#src/faults/network'
import type { Result } from '#src/faults/result'
import { runDigests } from '#src/faults/scenario-digests'
import { runFailover } from '#src/faults/scenario-failover'
import { runIdle } from '#src/faults/scenario-idle'
import { runJobs } from '#src/faults/scenario-jobs'
import { runKills } from '#src/faults/scenario-kills'
import { runMisbehaviours } from '#src/faults/scenario-misbehaviours'
import { runOutage } from '#src/faults/scenario-outage'
import { runSeveralNotifiers } from '#src/faults/scenario-several-notifiers'
import { runTwice } from '#src/faults/scenario-twice'
import { runUnreadable } from '#src/faults/scenario-unreadable'

const found = await findKafka()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''
const seed = 7
const lines: string[] = []
const print = (line: string) => void lines.push(line)

/** The short form of `npm run faults`: the same scenarios, small, without bounds on time. */
describe.skipIf(leftOut !== '')(`faults on Apache Kafka${leftOut}`, () => {
  let kafkaFixture: KafkaFixture

  beforeAll(async () => {
    kafkaFixture = await openKafkaFixture()
  })
  afterAll(() => kafkaFixture?.close())

  function expectPassed({ failures, figures }: Result) {
    expect(failures, `${JSON.stringify(figures)}\n${lines.join('\n')}`).toEqual([])
  }

  test('notifiers and Kafka are killed: nothing is lost, nothing out of order, and twice only what was in flight', async () => {
    const scale = { seed, events: 240, perSecond: 60, kills: 3, kafkaRestart: true, print }
    expectPassed(await runKills(kafkaFixture, { ...scale, onUnknown: 'prefer-duplicate' }))
  })

  test('with prefer-loss nothing comes twice, and what may be lost is listed as unknown', async () => {
    const scale = { seed, events: 120, perSecond: 60, kills: 2, kafkaRestart: false, print }
    expectPassed(await runKills(kafkaFixture, { ...scale, onUnknown: 'prefer-loss' }))
  })

  test('an idle consumer is not replaced, and goes on with the next event', async () => {
    expectPassed(await runIdle(kafkaFixture, { seed, periods: 4 }))
  })

  test('the mail server goes away and comes back: nothing is lost and no attempt is burned', async () => {
    const scale = { seed, events: 80, perSecond: 50, awayMs: 1500, resumeWithinMs: 60_000, print }
    expectPassed(await runOutage(kafkaFixture, scale))
  })

  test('a mail server misbehaves in every way: greylisting, 421, lost replies and cut connections lose nothing', async () => {
    expectPassed(await runMisbehaviours(kafkaFixture, { seed, events: 80 }))
  })

  test('workers of a queue are killed, and one file ends its worker: every job ends once', async () => {
    const scale = { seed, jobs: 60, killEveryMs: 2000, killForMs: 4000, maxGrowth: 10, print }
    expectPassed(await runJobs(kafkaFixture, scale))
  })

  test('events published twice are one mail each', async () => {
    expectPassed(await runTwice(kafkaFixture, { seed, events: 100 }))
  })

  test('notifiers die while a run is gathered: every event is in exactly one mail', async () => {
    expectPassed(await runDigests(kafkaFixture, { seed, rounds: 4, recipients: 8, runSize: 6 }))
  })

  test('what cannot be read goes to the dead letters with its reason, and the rest is mailed', async () => {
    expectPassed(await runUnreadable(kafkaFixture, { seed, events: 60 }))
  })
})

const network = await openNetwork(1)
if (!('missing' in network)) await network.close()
const postgres = await findPostgres()
const clusterLeftOut = [found, postgres, network].find((each) => 'missing' in each)
const why =
  clusterLeftOut && 'missing' in clusterLeftOut ? ` (left out: ${clusterLeftOut.missing})` : ''

describe.skipIf(why !== '')(`faults on several machines${why}`, () => {
  const lines: string[] = []
  const print = (line: string) => void lines.push(line)
  const times = { leaseMs: 2000, smtpTimeoutMs: 3000, sessionTimeoutMs: 3000, stuckMs: 60_000 }

  function expectPassed({ failures, figures }: Result) {
    expect(failures, [JSON.stringify(figures), ...lines].join('\n')).toEqual([])
  }

  test('notifiers are killed, suspended, cut off and removed: nothing is lost, nothing out of order, and twice only what was in flight', async () => {
    const faults = { faults: 'each once', stoppedMs: 8000, cutOffMs: 5000 } as const
    const scale = { seed, events: 600, perSecond: 10, print }
    expectPassed(await runSeveralNotifiers({ ...scale, ...times, ...faults }))
  })

  test('a standby of PostgreSQL is promoted: nothing is lost, nothing out of order', async () => {
    expectPassed(await runFailover({ seed, events: 240, perSecond: 30, print, ...times }))
  })
})
