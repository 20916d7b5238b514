import type { ConversionSummary } from '@herald/proto/converter'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ExitReason } from './children/child.js'
import type { Confinement } from './children/confinement.js'

const seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What the converter measures. */
export class ConverterMetrics {
  readonly #conversions
  readonly #total
  readonly #work
  readonly #wait
  readonly #exits
  readonly #confinement

  constructor(registry: Registry, waiting: () => number, admitted: () => number) {
    const registers = [registry]
    this.#conversions = new Counter({
      name: 'herald_conversions_total',
      help: 'Conversions, by outcome: ok or an error code',
      labelNames: ['outcome'],
      registers,
    })
    this.#total = new Histogram({
      name: 'herald_conversion_total_seconds',
      help: 'From the call to its last byte, transfer included',
      buckets: seconds,
      registers,
    })
    this.#work = new Histogram({
      name: 'herald_conversion_work_seconds',
      help: 'Time in which child processes worked on it',
      buckets: seconds,
      registers,
    })
    this.#wait = new Histogram({
      name: 'herald_conversion_wait_seconds',
      help: 'Waiting for a child process',
      buckets: seconds,
      registers,
    })
    this.#exits = new Counter({
      name: 'herald_children_ended_total',
      help: 'Children that exited, by reason; retired ones were replaced after their share of work',
      labelNames: ['reason'],
      registers,
    })
    this.#confinement = new Gauge({
      name: 'herald_children_confined',
      help: 'Restrictions of the children: 1 if this machine supports it, else 0',
      labelNames: ['measure'],
      registers,
    })
    new Gauge({
      name: 'herald_queue_length',
      help: 'Tasks waiting for a child process',
      registers,
      collect() {
        this.set(waiting())
      },
    })
    new Gauge({
      name: 'herald_conversions_admitted',
      help: 'Conversions uploading, waiting, running or being sent',
      registers,
      collect() {
        this.set(admitted())
      },
    })
  }

  finished(outcome: string, ms: number): void {
    this.#conversions.inc({ outcome })
    this.#total.observe(ms / 1000)
  }

  worked({ queueMs, conversionMs }: ConversionSummary): void {
    this.#wait.observe(Number(queueMs) / 1000)
    this.#work.observe(Number(conversionMs) / 1000)
  }

  /** Records which restrictions of the children are in force. */
  confined({ enforced, missing }: Pick<Confinement, 'enforced' | 'missing'>): void {
    for (const measure of enforced) this.#confinement.set({ measure }, 1)
    for (const measure of missing) this.#confinement.set({ measure }, 0)
  }

  childExited(reason: ExitReason): void {
    this.#exits.inc({ reason })
  }
}
