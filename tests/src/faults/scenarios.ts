import type { BrokerName } from './broker-server.js'
import type { KafkaFixture } from './kafka-fixture.js'
import type { Result } from './result.js'
import { runBadMailbox } from './scenario-bad-mailbox.js'
import { runClients } from './scenario-clients.js'
import { runDeferred } from './scenario-deferred.js'
import { runDigests } from './scenario-digests.js'
import { runEventFuzz } from './scenario-events.js'
import { runFailover } from './scenario-failover.js'
import { runFuzz } from './scenario-fuzz.js'
import { runGreylist } from './scenario-greylist.js'
import { runGuards } from './scenario-guards.js'
import { runIdle } from './scenario-idle.js'
import { runJobs } from './scenario-jobs.js'
import { runKafkaCluster } from './scenario-kafka-cluster.js'
import { runKills } from './scenario-kills.js'
import { runMisbehaviours } from './scenario-misbehaviours.js'
import { runNats } from './scenario-nats.js'
import { runOutage } from './scenario-outage.js'
import { runParked } from './scenario-parked.js'
import { runPolicy } from './scenario-policy.js'
import { runRebalance } from './scenario-rebalance.js'
import { runRelays } from './scenario-relays.js'
import { runRudeCallers } from './scenario-rude-callers.js'
import { runSeveralNotifiers } from './scenario-several-notifiers.js'
import { runSuspended } from './scenario-suspended.js'
import { runTwice } from './scenario-twice.js'
import { runUnreadable } from './scenario-unreadable.js'

export interface Scale {
  readonly seed: number
  readonly events: number
  readonly print: (line: string) => void
}

/** Scenarios that need no Kafka, or start one of their own, by name. */
export const alone: Readonly<Record<string, (scale: Scale) => Promise<Result>>> = {
  fuzz: ({ seed, print }) =>
    runFuzz({ seed, mutants: 2000, foreignMutants: 100, maxGrowth: 1.1, print }),
  events: ({ seed, events, print }) =>
    runEventFuzz({ seed, events, stalledAfterMs: 60_000, print }),
  nats: ({ events, print }) => runNats({ events, stoppedMs: 40_000, print }),
  'rude-callers': ({ print }) =>
    runRudeCallers({ callers: 100, conversions: 200, maxRatio: 2, print }),
  'several-notifiers': (scale) =>
    runSeveralNotifiers({
      ...scale,
      ...asByDefault,
      // The faults take about nine minutes.
      perSecond: scale.events / 600,
      faults: 'each to every notifier',
      stoppedMs: 40_000,
      cutOffMs: 20_000,
    }),
  'suspended-kafka': suspendedOn('kafka'),
  'suspended-rabbitmq': suspendedOn('rabbitmq'),
  'suspended-nats': suspendedOn('nats'),
  failover: (scale) => runFailover({ ...scale, ...asByDefault, perSecond: 60 }),
  'kafka-cluster': (scale) =>
    runKafkaCluster({ ...scale, ...asByDefault, perSecond: scale.events / 120, awayMs: 15_000 }),
}

/** Scenarios on Kafka, by name. */
export const scenarios: Readonly<
  Record<string, (kafkaFixture: KafkaFixture, scale: Scale) => Promise<Result>>
> = {
  kills: (kafkaFixture, scale) => runKills(kafkaFixture, killsAt(scale, 'prefer-duplicate')),
  'kills-prefer-loss': (kafkaFixture, scale) =>
    runKills(kafkaFixture, killsAt(scale, 'prefer-loss')),
  outage: (kafkaFixture, { seed, events, print }) =>
    runOutage(kafkaFixture, {
      seed,
      events: Math.floor(events / 5),
      perSecond: 25,
      awayMs: 60_000,
      resumeWithinMs: 5000,
      print,
    }),
  twice: (kafkaFixture, scale) => runTwice(kafkaFixture, scale),
  unreadable: (kafkaFixture, { seed }) => runUnreadable(kafkaFixture, { seed, events: 1000 }),
  greylist: (kafkaFixture, { seed }) =>
    runGreylist(kafkaFixture, {
      seed,
      events: 1000,
      greylistMs: 10_000,
      rounds: 3,
      minRatio: 0.9,
    }),
  deferred: (kafkaFixture, { seed }) =>
    runDeferred(kafkaFixture, { seed, events: 1000, greylistMs: 30_000, parkForMs: 5000 }),
  digests: (kafkaFixture, { seed }) =>
    runDigests(kafkaFixture, { seed, rounds: 20, recipients: 20, runSize: 10 }),
  parked: (kafkaFixture, { seed }) => runParked(kafkaFixture, { seed, events: 200 }),
  'bad-mailbox': (kafkaFixture, { seed }) =>
    runBadMailbox(kafkaFixture, { seed, events: 1000, perSecond: 20, maxRatio: 2 }),
  policy: (kafkaFixture, { seed }) =>
    runPolicy(kafkaFixture, { seed, events: 1000, perSecond: 50, policyMs: 15_000 }),
  misbehaviours: (kafkaFixture, { seed }) => runMisbehaviours(kafkaFixture, { seed, events: 1000 }),
  idle: (kafkaFixture, { seed }) => runIdle(kafkaFixture, { seed, periods: 50 }),
  rebalance: (kafkaFixture, { seed }) => runRebalance(kafkaFixture, { seed, events: 400 }),
  clients: (kafkaFixture, { seed }) => runClients(kafkaFixture, { seed, runs: 20 }),
  relays: (kafkaFixture, { seed }) => runRelays(kafkaFixture, { seed, events: 1000 }),
  jobs: (kafkaFixture, { seed, events, print }) =>
    runJobs(kafkaFixture, {
      ...{ seed, print, jobs: events },
      killEveryMs: 20_000,
      killForMs: 120_000,
      maxGrowth: 1.25,
    }),
  guards: (kafkaFixture, { seed, print }) => runGuards(kafkaFixture, { seed, print }),
}

/** The defaults of the brokers and of the ledger. */
const asByDefault = {
  leaseMs: 15_000,
  smtpTimeoutMs: 10_000,
  sessionTimeoutMs: 10_000,
  stuckMs: 120_000,
}

function suspendedOn(brokerName: BrokerName) {
  return (scale: Scale) =>
    runSuspended({
      ...{ ...scale, ...asByDefault, brokerName, stoppedMs: 40_000 },
      events: Math.ceil(scale.events / 2),
      // It is published for longer than the notifier is suspended.
      perSecond: scale.events / 160,
    })
}

function killsAt({ seed, events, print }: Scale, onUnknown: 'prefer-duplicate' | 'prefer-loss') {
  // A kill every 300 mails, five seconds apart: 34 for 10,000.
  const kills = Math.ceil(events / 300)
  const least = { minKills: Math.floor(events / 333), minInWindow: Math.floor(events / 2000) }
  return { seed, events, perSecond: 60, kills, kafkaRestart: true, onUnknown, print, ...least }
}
