import { setTimeout as delay } from 'node:timers/promises'
import type { Message as KafkaMessage } from 'kafkajs'
import { Fifo } from '../../fifo.js'
import { isPassing, rootOf } from './errors.js'

/** One message on its way. */
export interface Entry {
  readonly message: KafkaMessage
  readonly bytes: number
  /** Nobody waits for it any more. */
  readonly abandoned: () => boolean
  readonly sent: (offset: bigint) => void
  /** `passing`: it is tried again. */
  readonly failed: (error: unknown, passing: boolean) => void
}

export interface PartitionLineOptions {
  /** Resolves to the offset of the first. */
  readonly send: (messages: KafkaMessage[]) => Promise<bigint>
  /** After a fault that may pass, before it is tried again. */
  readonly onFault: (error: unknown, tries: number) => void
}

/** One request carries at most so much: a batch counts as one message against the topic's bound. */
const maxRequestBytes = 512 * 1024
const backoffMs = [50, 100, 200, 400]

/**
 * What goes to one partition, in order, one request in flight at a time; what waits meanwhile goes
 * together in the next. A request that failed is repeated: its messages may be doubled, never lost
 * or overtaken.
 */
export class PartitionLine {
  readonly #options: PartitionLineOptions
  readonly #queue = new Fifo<Entry>()
  #pumping = false

  constructor(options: PartitionLineOptions) {
    this.#options = options
  }

  push(entry: Entry): void {
    this.#queue.push(entry)
    if (this.#pumping) return
    this.#pumping = true
    void this.#pump()
  }

  async #pump(): Promise<void> {
    // What is published in the same turn of the event loop goes together.
    await Promise.resolve()
    for (let run = this.#takeRun(); run.length > 0; run = this.#takeRun()) await this.#sendRun(run)
    this.#pumping = false
  }

  #takeRun(): Entry[] {
    const run: Entry[] = []
    let bytes = 0
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      if (!next.abandoned()) {
        bytes += next.bytes
        if (run.length > 0 && bytes > maxRequestBytes) break
        run.push(next)
      }
      this.#queue.shift()
    }
    return run
  }

  async #sendRun(entries: readonly Entry[]): Promise<void> {
    let run = entries
    for (let tries = 0; run.length > 0; tries += 1) {
      try {
        const first = await this.#options.send(run.map(({ message }) => message))
        for (const [index, { sent }] of run.entries()) sent(first + BigInt(index))
        return
      } catch (error) {
        // The topic's own bound may be lower than what goes together here.
        if (rootOf(error).type === 'MESSAGE_TOO_LARGE' && run.length > 1) {
          for (const single of run) await this.#sendRun([single])
          return
        }
        const passing = isPassing(error)
        for (const { failed } of run) failed(error, passing)
        if (!passing) return
        this.#options.onFault(error, tries)
        await delay(backoffMs[Math.min(tries, backoffMs.length - 1)])
        run = run.filter(({ abandoned }) => !abandoned())
      }
    }
  }
}
