import { setTimeout as delay } from 'node:timers/promises'
import type { ConfirmChannel } from 'amqplib'
import { backOffMs } from '../../back-off.js'
import { BrokerError } from '../../broker.js'
import { Fifo } from '../../fifo.js'
import type { AmqpContent } from './amqp-message.js'
import { ConfirmChannels } from './confirm-channels.js'
import type { Connector } from './connection.js'
import { asRabbitmqError, isRetryable } from './errors.js'
import { hostNames } from './location.js'

/** A message for a queue. */
export interface Outgoing extends AmqpContent {
  readonly queue: string
}

/** The messages of one `send`. */
interface Call {
  readonly what: string
  unconfirmed: number
  settled: boolean
  lastError: unknown
  resolve(): void
  reject(error: unknown): void
}

interface Entry extends Outgoing {
  readonly call: Call
  /** RabbitMQ returned it: there is no such queue. */
  isReturned: boolean
  sentAtMs: number
}

/** Messages sent and not yet confirmed, at most. */
const maxUnconfirmed = 500
const maxUnconfirmedBytes = 16_000_000
const stallCheckMs = 250

/**
 * Publishes with confirms on a connection of its own, to each queue in the order of the calls: RabbitMQ stops
 * reading from a connection that publishes while its disk or memory is short. What was not confirmed
 * when the connection was lost is sent again in the same order; it may be duplicated, never lost.
 */
export class Publisher {
  readonly #connector: Connector
  /** Called with a queue that does not exist. */
  readonly #onNoQueue: (queue: string) => void
  #waiting = new Fifo<Entry>()
  readonly #unconfirmed = new Set<Entry>()
  #unconfirmedBytes = 0
  #channels: ConfirmChannels | undefined
  #opening: Promise<void> | undefined
  #failures = 0
  #closed = false

  constructor(connector: Connector, onNoQueue: (queue: string) => void) {
    this.#connector = connector
    this.#onNoQueue = onNoQueue
  }

  /**
   * Resolves when all are confirmed. Rejects with BrokerError within `timeoutMs`; some may be
   * published even then. `what` names the call in errors: `publish to notifications`.
   */
  send(messages: readonly Outgoing[], what: string, timeoutMs: number): Promise<void> {
    if (messages.length === 0) return Promise.resolve()
    return new Promise<void>((resolve, reject) => {
      const settle = (settled: () => void) => {
        if (call.settled) return
        call.settled = true
        clearTimeout(timer)
        settled()
      }
      const call: Call = {
        what,
        unconfirmed: messages.length,
        settled: false,
        lastError: undefined,
        resolve: () => settle(resolve),
        reject: (error) =>
          settle(() => reject(asRabbitmqError(`cannot ${what}`, error, this.#connector.location))),
      }
      const timer = setTimeout(() => call.reject(this.#timeoutError(call, timeoutMs)), timeoutMs)
      for (const message of messages)
        this.#waiting.push({ ...message, call, isReturned: false, sentAtMs: 0 })
      this.#pump()
    })
  }

  /** Rejects what is not confirmed yet, and disconnects. */
  async close(): Promise<void> {
    this.#closed = true
    const error = new BrokerError('BROKER_CLOSED', 'The broker is closed. Open another one.')
    this.#requeue(error)
    this.#eachWaiting((call) => call.reject(error))
    await this.#opening
    const channels = this.#channels
    this.#channels = undefined
    await channels?.close()
  }

  #pump(): void {
    while (
      this.#unconfirmed.size < maxUnconfirmed &&
      this.#unconfirmedBytes < maxUnconfirmedBytes
    ) {
      const entry = this.#waiting.peek()
      if (entry === undefined || this.#closed) return
      const channel = this.#channels?.get(entry.queue)
      if (channel === undefined) {
        this.#opening ??= this.#open().finally(() => {
          this.#opening = undefined
          this.#pump()
        })
        return
      }
      this.#waiting.shift()
      if (!entry.call.settled) this.#sendOne(channel, entry)
    }
  }

  #sendOne(channel: ConfirmChannel, entry: Entry): void {
    entry.isReturned = false
    entry.sentAtMs = performance.now()
    this.#unconfirmed.add(entry)
    this.#unconfirmedBytes += entry.content.byteLength
    const { queue, content, options } = entry
    const channels = this.#channels
    try {
      channel.publish(
        '',
        queue,
        content,
        { ...options, persistent: true, mandatory: true },
        (error) => this.#confirmed(channels, entry, error),
      )
    } catch (error) {
      if (isChannelClosed(error)) {
        this.#lost(channels, error)
        return
      }
      // It can never be sent.
      this.#remove(entry)
      entry.call.reject(error)
    }
  }

  #confirmed(channels: ConfirmChannels | undefined, entry: Entry, error: unknown): void {
    if (this.#channels !== channels) return
    if (error || entry.isReturned) {
      if (entry.isReturned) this.#onNoQueue(entry.queue)
      // Sent again with all that follow it, so that their order stays.
      this.#lost(channels, error ?? new Error(`there is no queue ${entry.queue}`))
      return
    }
    this.#failures = 0
    this.#remove(entry)
    const { call } = entry
    call.unconfirmed -= 1
    if (call.unconfirmed === 0) call.resolve()
    if (this.#waiting.length > 0 && this.#unconfirmed.size < maxUnconfirmed / 2) this.#pump()
  }

  #remove(entry: Entry): void {
    if (this.#unconfirmed.delete(entry)) this.#unconfirmedBytes -= entry.content.byteLength
  }

  /** What was not confirmed waits again, in front. */
  #lost(channels: ConfirmChannels | undefined, error: unknown): void {
    if (channels === undefined || this.#channels !== channels) return
    this.#channels = undefined
    this.#requeue(error)
    void channels.close()
    this.#pump()
  }

  #requeue(error: unknown): void {
    const later = this.#waiting
    this.#waiting = new Fifo()
    for (const entry of this.#unconfirmed) this.#waiting.push(entry)
    for (let entry = later.shift(); entry !== undefined; entry = later.shift()) {
      this.#waiting.push(entry)
    }
    this.#unconfirmed.clear()
    this.#unconfirmedBytes = 0
    this.#eachWaiting((call) => {
      call.lastError = error
    })
  }

  /** Calls `visit` for each message that waits, and drops those whose calls are settled then. */
  #eachWaiting(visit: (call: Call) => void): void {
    const waiting = this.#waiting
    this.#waiting = new Fifo()
    for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
      visit(entry.call)
      if (!entry.call.settled) this.#waiting.push(entry)
    }
  }

  /** Connects, and opens the channel that is needed next; tries again until it succeeds or nothing waits. Never rejects. */
  async #open(): Promise<void> {
    while (!this.#closed) {
      this.#eachWaiting(() => {})
      const queue = this.#waiting.peek()?.queue
      if (queue === undefined || this.#channels?.get(queue) !== undefined) break
      if (this.#channels === undefined && this.#failures > 0)
        await delay(50 + backOffMs(this.#failures, 100, 2000))
      try {
        this.#channels ??= await this.#connect()
        await this.#channels.open(queue, (each) => this.#oldestUnconfirmed(each) !== undefined)
      } catch (error) {
        this.#lost(this.#channels, error)
        this.#eachWaiting((call) => {
          call.lastError = error
          if (!isRetryable(error)) call.reject(error)
        })
      }
    }
  }

  async #connect(): Promise<ConfirmChannels> {
    this.#failures += 1
    const connector = this.#connector
    const channels: ConfirmChannels = new ConfirmChannels({
      connector,
      connection: await connector.connect('publisher'),
      onRefused: (queue, error) => this.#rejectIfFinal(queue, error),
      onReturned: (queue) => {
        for (const entry of this.#unconfirmed) if (entry.queue === queue) entry.isReturned = true
      },
      onLost: (error) => this.#lost(channels, error),
    })
    const watch = setInterval(() => {
      if (this.#channels === channels) this.#renewIfStalled(channels)
      else clearInterval(watch)
    }, stallCheckMs)
    watch.unref()
    return channels
  }

  #oldestUnconfirmed(queue: string): Entry | undefined {
    for (const entry of this.#unconfirmed) if (entry.queue === queue) return entry
    return undefined
  }

  /**
   * A channel that has published to a stream while its node started may wait without end for a
   * writer that is gone.
   */
  #renewIfStalled(channels: ConfirmChannels): void {
    const [oldest] = this.#unconfirmed
    if (channels.blockedBy !== undefined || oldest === undefined) return
    const { publishTimeoutMs } = this.#connector.location
    if (performance.now() - oldest.sentAtMs < publishTimeoutMs / 3) return
    this.#lost(
      channels,
      new Error(`no confirm for ${oldest.queue} within ${Math.round(publishTimeoutMs / 3)} ms`),
    )
  }

  /** RabbitMQ closes the channel for a message that it refuses, and does not say which: the oldest not confirmed. */
  #rejectIfFinal(queue: string, error: unknown): void {
    if (!isRetryable(error)) this.#oldestUnconfirmed(queue)?.call.reject(error)
  }

  #timeoutError({ lastError, what }: Call, timeoutMs: number): unknown {
    const at = `RabbitMQ at ${hostNames(this.#connector.location)}`
    const blockedBy = this.#channels?.blockedBy
    if (blockedBy !== undefined) {
      return new BrokerError(
        'BROKER_FAILED',
        `Cannot ${what}: ${at} takes no messages because it is ${blockedBy}. Free disk or memory there, or lower its limits (disk_free_limit, vm_memory_high_watermark).`,
      )
    }
    return (
      lastError ??
      new BrokerError(
        'BROKER_UNREACHABLE',
        `Cannot ${what}: ${at} did not confirm within ${Math.round(timeoutMs)} ms. Is it overloaded, or short of disk or memory?`,
      )
    )
  }
}

const isChannelClosed = (error: unknown) =>
  error instanceof Error && error.name === 'IllegalOperationError'
