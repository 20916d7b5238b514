import type { Behaviour } from './behaviours.js'
import { type FaultySmtp, startFaultySmtp } from './faulty-smtp.js'
import { type Fleet, startFleet } from './fleet.js'
import { type KafkaFixture, readTopic, type Workspace } from './kafka-fixture.js'
import { type LedgerView, viewLedger } from './ledger-view.js'

/** What a scenario works with. */
export interface ScenarioContext {
  readonly workspace: Workspace
  readonly sink: FaultySmtp
  readonly fleet: Fleet
  readonly ledger: LedgerView
  /** Stops the notifiers, then reads what is left in the topics. */
  finish(): Promise<Ending>
}

export interface Ending {
  readonly exits: readonly (number | null)[]
  /** Events that are redelivered to the group because their offset was not committed. */
  readonly uncommitted: number
  /** Reasons, by event id where there is one. */
  readonly deadLetters: readonly { readonly id: string; readonly reason: string }[]
}

export interface ScenarioOptions {
  readonly notifiers: number
  readonly behaviour?: Behaviour
  readonly env?: Readonly<Record<string, string>>
  readonly nodeArguments?: readonly string[]
}

/** Runs `run` with notifiers on their own topic; removes everything afterwards. */
export async function runScenario<T>(
  kafkaFixture: KafkaFixture,
  { notifiers, behaviour = {}, env = {}, nodeArguments = [] }: ScenarioOptions,
  run: (context: ScenarioContext) => Promise<T>,
): Promise<T> {
  const workspace = await kafkaFixture.openWorkspace()
  const closers: (() => unknown)[] = [workspace.close]
  try {
    const sink = await startFaultySmtp({ listeners: notifiers, behaviour })
    closers.push(sink.stop)
    const all = { ...workspace.env, ...env }
    const fleet = await startFleet({ smtp: sink.urls, env: all, nodeArguments })
    closers.push(fleet.destroy)
    const ledger = await viewLedger(workspace.folder)
    closers.push(ledger.close)
    const finish = async () => {
      const exits = await Promise.all(sink.urls.map((_, index) => fleet.stop(index)))
      const again = await readTopic(kafkaFixture.broker, workspace.topic, workspace.topic)
      const dead = await readTopic(kafkaFixture.broker, `${workspace.topic}.dead-letter`, 'count')
      return {
        exits,
        uncommitted: again.length,
        deadLetters: dead.map(({ headers }) => ({
          id: text(headers['ce_id']),
          reason: text(headers['herald_dead_letter_reason']),
        })),
      }
    }
    return await run({ workspace, sink, fleet, ledger, finish })
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

const text = (header: Uint8Array | undefined) => Buffer.from(header ?? '').toString()
