import type { Behaviour } from './behaviours.js'
import { type FaultySmtp, startFaultySmtp } from './faulty-smtp.js'
import { type Fleet, startFleet } from './fleet.js'
import { type LedgerView, viewLedger } from './ledger-view.js'
import { type Place, readTopic, type Stage } from './stage.js'

/** Who is on the stage in a scenario. */
export interface Players {
  readonly place: Place
  readonly sink: FaultySmtp
  readonly fleet: Fleet
  readonly ledger: LedgerView
  /** Stops the notifiers in order, then looks what is left. */
  finish(): Promise<Ending>
}

export interface Ending {
  readonly exits: readonly (number | null)[]
  /** Events that come again to the group: their end was not committed. */
  readonly uncommitted: number
  /** Reasons, by event id where there is one. */
  readonly deadLetters: readonly { readonly id: string; readonly reason: string }[]
}

export interface PlayOptions {
  readonly notifiers: number
  readonly behaviour?: Behaviour
  readonly env?: Readonly<Record<string, string>>
  readonly nodeArguments?: readonly string[]
}

/** Runs `scene` with notifiers on a topic of their own; everything is gone afterwards. */
export async function play<T>(
  stage: Stage,
  { notifiers, behaviour = {}, env = {}, nodeArguments = [] }: PlayOptions,
  scene: (players: Players) => Promise<T>,
): Promise<T> {
  const place = await stage.place()
  const closers: (() => unknown)[] = [place.close]
  try {
    const sink = await startFaultySmtp({ doors: notifiers, behaviour })
    closers.push(sink.stop)
    const all = { ...place.env, ...env }
    const fleet = await startFleet({ smtp: sink.urls, env: all, nodeArguments })
    closers.push(fleet.destroy)
    const ledger = await viewLedger(place.folder)
    closers.push(ledger.close)
    const finish = async () => {
      const exits = await Promise.all(sink.urls.map((_, index) => fleet.stop(index)))
      const again = await readTopic(stage.broker, place.topic, place.topic)
      const dead = await readTopic(stage.broker, `${place.topic}.dead-letter`, 'count')
      return {
        exits,
        uncommitted: again.length,
        deadLetters: dead.map(({ headers }) => ({
          id: text(headers['ce_id']),
          reason: text(headers['herald_dead_letter_reason']),
        })),
      }
    }
    return await scene({ place, sink, fleet, ledger, finish })
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

const text = (header: Uint8Array | undefined) => Buffer.from(header ?? '').toString()
