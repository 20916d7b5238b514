import type { Result } from './result.js'
import { runBadMailbox } from './scenario-bad-mailbox.js'
import { runClients } from './scenario-clients.js'
import { runDeferred } from './scenario-deferred.js'
import { runDigests } from './scenario-digests.js'
import { runEventFuzz } from './scenario-events.js'
import { runFuzz } from './scenario-fuzz.js'
import { runGreylist } from './scenario-greylist.js'
import { runGuards } from './scenario-guards.js'
import { runIdle } from './scenario-idle.js'
import { runKills } from './scenario-kills.js'
import { runMoods } from './scenario-moods.js'
import { runOutage } from './scenario-outage.js'
import { runParked } from './scenario-parked.js'
import { runPolicy } from './scenario-policy.js'
import { runRebalance } from './scenario-rebalance.js'
import { runRelays } from './scenario-relays.js'
import { runRudeCallers } from './scenario-rude-callers.js'
import { runTwice } from './scenario-twice.js'
import { runUnreadable } from './scenario-unreadable.js'
import type { Stage } from './stage.js'

export interface Scale {
  readonly seed: number
  readonly events: number
  readonly say: (line: string) => void
}

/** What needs no Kafka, by name. */
export const alone: Readonly<Record<string, (scale: Scale) => Promise<Result>>> = {
  fuzz: ({ seed, say }) =>
    runFuzz({ seed, mutants: 2000, foreignMutants: 100, mostGrowth: 1.1, say }),
  events: ({ seed, events, say }) => runEventFuzz({ seed, events, stalledAfterMs: 60_000, say }),
  'rude-callers': ({ say }) => runRudeCallers({ callers: 100, conversions: 200, maxRatio: 2, say }),
}

/** What plays on Kafka, by name. */
export const scenarios: Readonly<Record<string, (stage: Stage, scale: Scale) => Promise<Result>>> =
  {
    kills: (stage, scale) => runKills(stage, killsAt(scale, 'prefer-duplicate')),
    'kills-prefer-loss': (stage, scale) => runKills(stage, killsAt(scale, 'prefer-loss')),
    outage: (stage, { seed, events, say }) =>
      runOutage(stage, {
        seed,
        events: Math.floor(events / 5),
        perSecond: 25,
        awayMs: 60_000,
        resumeWithinMs: 5000,
        say,
      }),
    twice: (stage, scale) => runTwice(stage, scale),
    unreadable: (stage, { seed }) => runUnreadable(stage, { seed, events: 1000 }),
    greylist: (stage, { seed }) =>
      runGreylist(stage, {
        seed,
        events: 1000,
        greylistMs: 10_000,
        rounds: 3,
        leastRatio: 0.9,
      }),
    deferred: (stage, { seed }) =>
      runDeferred(stage, { seed, events: 1000, greylistMs: 30_000, parkForMs: 5000 }),
    digests: (stage, { seed }) =>
      runDigests(stage, { seed, rounds: 20, recipients: 20, runSize: 10 }),
    parked: (stage, { seed }) => runParked(stage, { seed, events: 200 }),
    'bad-mailbox': (stage, { seed }) =>
      runBadMailbox(stage, { seed, events: 1000, perSecond: 20, maxRatio: 2 }),
    policy: (stage, { seed }) =>
      runPolicy(stage, { seed, events: 1000, perSecond: 50, policyMs: 15_000 }),
    moods: (stage, { seed }) => runMoods(stage, { seed, events: 1000 }),
    idle: (stage, { seed }) => runIdle(stage, { seed, periods: 50 }),
    rebalance: (stage, { seed }) => runRebalance(stage, { seed, events: 400 }),
    clients: (stage, { seed }) => runClients(stage, { seed, runs: 20 }),
    relays: (stage, { seed }) => runRelays(stage, { seed, events: 1000 }),
    guards: (stage, { seed, say }) => runGuards(stage, { seed, say }),
  }

function killsAt({ seed, events, say }: Scale, onUnknown: 'prefer-duplicate' | 'prefer-loss') {
  // A kill every 300 mails, five seconds apart: 34 for 10,000.
  const kills = Math.ceil(events / 300)
  const least = { leastKills: Math.floor(events / 333), leastInWindow: Math.floor(events / 2000) }
  return { seed, events, perSecond: 60, kills, kafkaRestart: true, onUnknown, say, ...least }
}
