import { type Guard, without } from './guards.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { createChecks, type Result } from './result.js'
import { runClients } from './scenario-clients.js'
import { runDigests } from './scenario-digests.js'
import { runParked } from './scenario-parked.js'
import { runRebalance } from './scenario-rebalance.js'
import { runRelays } from './scenario-relays.js'
import { runSeveralNotifiers } from './scenario-several-notifiers.js'
import { runTwice } from './scenario-twice.js'

export interface GuardsOptions {
  readonly seed: number
  readonly print: (line: string) => void
}

/** Turns off one guard at a time and runs the scenario that should fail without it. */
export async function runGuards(
  kafkaFixture: KafkaFixture,
  { seed, print }: GuardsOptions,
): Promise<Result> {
  const suspendOne = (nodeArguments: string[]) =>
    runSeveralNotifiers({
      ...{
        seed,
        events: 300,
        perSecond: 10,
        faults: 'suspension only',
        stoppedMs: 8000,
        cutOffMs: 0,
      },
      ...{ leaseMs: 2000, smtpTimeoutMs: 3000, sessionTimeoutMs: 3000, stuckMs: 60_000 },
      nodeArguments,
      print,
    })
  const runs: Record<Guard, (nodeArguments: string[]) => Promise<Result>> = {
    'none, delayed': (nodeArguments) => runClients(kafkaFixture, { seed, runs: 4, nodeArguments }),
    ledger: (nodeArguments) => runTwice(kafkaFixture, { seed, events: 200, nodeArguments }),
    "a digest's events": (nodeArguments) =>
      runDigests(kafkaFixture, { seed, rounds: 2, recipients: 6, runSize: 4, nodeArguments }),
    'contiguous commit': (nodeArguments) =>
      runParked(kafkaFixture, { seed, events: 100, nodeArguments }),
    'assignment check': (nodeArguments) =>
      runRebalance(kafkaFixture, { seed, events: 200, nodeArguments }),
    'prepared record': (nodeArguments) =>
      runClients(kafkaFixture, { seed, runs: 4, nodeArguments }),
    "the relay's lease": (nodeArguments) =>
      runRelays(kafkaFixture, { seed, events: 1000, nodeArguments }),
    'none, late check': suspendOne,
    "the ledger's lease": suspendOne,
  }
  const { failures, check } = createChecks()
  const notes: string[] = []
  for (const [guard, run] of Object.entries(runs) as [Guard, (typeof runs)[Guard]][]) {
    const result = await run(without(guard))
    const failed = result.failures.length > 0
    const isControl = guard.startsWith('none, ')
    const { leftOut } = result
    const outcome = failed ? result.failures.join('; ') : 'all checks pass'
    notes.push(`without ${guard}: ${leftOut ? `left out: ${leftOut}` : outcome}`)
    print(notes.at(-1) as string)
    if (leftOut) continue
    if (isControl) check(!failed, 'a promise is broken with all guards on')
    else check(failed, `no scenario fails without ${guard}`)
  }
  return { scenario: 'guards turned off', figures: { guards: notes.length - 1 }, failures }
}
