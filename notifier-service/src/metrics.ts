import { createMetrics } from '@herald/runtime/probes'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Channel } from './channel.js'
import type { Ledger } from './ledger/ledger.js'

/** The notifier's metrics. */
export interface NotifierMetrics {
  readonly registry: Registry
  /** Attempts by result. */
  readonly attempts: Counter<'outcome'>
  /** Redelivered events whose mail was settled. */
  readonly redeliveries: Counter
  readonly deadLetters: Counter
  /** From the event to the mail server's 250, in seconds. */
  readonly latency: Histogram
}

export interface Gauged {
  lag(): Promise<number>
  outage(): boolean
  /** Events that wait in the ledger, of all notifiers on it. */
  waiting?(): ReturnType<Ledger['lanes']['count']>
}

/** The names are the same for every channel; the label `program` differs. */
export function createNotifierMetrics(
  { name }: Pick<Channel, 'name'>,
  gauged: Gauged,
): NotifierMetrics {
  const registry = createMetrics(name === 'mail' ? 'notifier' : name)
  const registers = [registry]
  /** Not known while the ledger cannot be read. */
  const waiting = async () =>
    (await gauged.waiting?.().catch(() => ({ deferred: Number.NaN, gathering: Number.NaN }))) ?? {
      deferred: 0,
      gathering: 0,
    }
  new Gauge({
    name: 'herald_notifier_lag_events',
    help: 'Events published and not yet acknowledged, over the partitions this notifier holds.',
    registers,
    async collect() {
      // Not known while the broker cannot be reached; the other metrics are still wanted then.
      this.set(await gauged.lag().catch(() => Number.NaN))
    },
  })
  new Gauge({
    name: 'herald_notifier_deferred_events',
    help: 'Events acknowledged and deferred in the ledger until their mailbox takes mail.',
    registers,
    async collect() {
      this.set((await waiting()).deferred)
    },
  })
  new Gauge({
    name: 'herald_notifier_gathered_events',
    help: 'Events acknowledged that wait in the ledger for the others of their run.',
    registers,
    async collect() {
      this.set((await waiting()).gathering)
    },
  })
  new Gauge({
    name: 'herald_notifier_mail_server_outage',
    help: '1 while the mail server (or the webhook) is out of service.',
    registers,
    collect() {
      this.set(gauged.outage() ? 1 : 0)
    },
  })
  return {
    registry,
    attempts: new Counter({
      name: 'herald_notifier_attempts_total',
      help: 'Attempts to send a mail, by result: accepted, deferred, refused, possibleServerFailure, tooLarge, outage, unknown.',
      labelNames: ['outcome'],
      registers,
    }),
    redeliveries: new Counter({
      name: 'herald_notifier_redeliveries_total',
      help: 'Events redelivered after their mail was settled; nothing was sent.',
      registers,
    }),
    deadLetters: new Counter({
      name: 'herald_notifier_dead_letters_total',
      help: 'Events published to the dead letters.',
      registers,
    }),
    latency: new Histogram({
      name: 'herald_notifier_latency_seconds',
      help: 'From the event to the acceptance of its mail.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
      registers,
    }),
  }
}
