import { type Guard, without } from './guards.js'
import { promises, type Result } from './result.js'
import { runClients } from './scenario-clients.js'
import { runDigests } from './scenario-digests.js'
import { runParked } from './scenario-parked.js'
import { runRebalance } from './scenario-rebalance.js'
import { runRelays } from './scenario-relays.js'
import { runTwice } from './scenario-twice.js'
import type { Stage } from './stage.js'

export interface GuardsOptions {
  readonly seed: number
  readonly say: (line: string) => void
}

/** Each guard turned off, one at a time, under the scenario that should notice. */
export async function runGuards(stage: Stage, { seed, say }: GuardsOptions): Promise<Result> {
  const bites: Record<Guard, (nodeArguments: string[]) => Promise<Result>> = {
    'none, stretched': (nodeArguments) => runClients(stage, { seed, runs: 4, nodeArguments }),
    ledger: (nodeArguments) => runTwice(stage, { seed, events: 200, nodeArguments }),
    "a digest's events": (nodeArguments) =>
      runDigests(stage, { seed, rounds: 2, recipients: 6, runSize: 4, nodeArguments }),
    'contiguous commit': (nodeArguments) => runParked(stage, { seed, events: 100, nodeArguments }),
    'assignment check': (nodeArguments) =>
      runRebalance(stage, { seed, events: 200, nodeArguments }),
    'prepared record': (nodeArguments) => runClients(stage, { seed, runs: 4, nodeArguments }),
    "the relay's lease": (nodeArguments) => runRelays(stage, { seed, events: 1000, nodeArguments }),
  }
  const { faults, hold } = promises()
  const notes: string[] = []
  for (const [guard, run] of Object.entries(bites) as [Guard, (typeof bites)[Guard]][]) {
    const result = await run(without(guard))
    const bit = result.faults.length > 0
    const sound = guard === 'none, stretched'
    notes.push(`without ${guard}: ${bit ? result.faults.join('; ') : 'all is kept'}`)
    say(notes.at(-1) as string)
    if (sound) hold(!bit, 'a promise is broken with all guards on')
    else hold(bit, `no scenario fails without ${guard}`)
  }
  return { scenario: 'guards turned off', figures: { guards: notes.length - 1 }, faults }
}
