import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelModel, ConfirmChannel } from 'amqplib'
import { backOffMs } from '../../back-off.js'
import { BrokerError } from '../../broker.js'
import { Fifo } from '../../fifo.js'
import type { AmqpContent } from './amqp-message.js'
import { type Connector, closeQuietly } from './connection.js'
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
 * Publishes with confirms on a connection of its own, in the order of the calls: RabbitMQ stops
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
  #connection: ChannelModel | undefined
  #channel: ConfirmChannel | undefined
  #opening: Promise<void> | undefined
  /** Why RabbitMQ takes no messages now. */
  #blockedBy: string | undefined
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
    await closeQuietly(this.#connection)
  }

  #pump(): void {
    const channel = this.#channel
    if (channel === undefined) {
      if (this.#waiting.length > 0 && !this.#closed) this.#opening ??= this.#open()
      return
    }
    while (
      this.#unconfirmed.size < maxUnconfirmed &&
      this.#unconfirmedBytes < maxUnconfirmedBytes
    ) {
      const entry = this.#channel === channel ? this.#waiting.shift() : undefined
      if (entry === undefined) return
      if (!entry.call.settled) this.#sendOne(channel, entry)
    }
  }

  #sendOne(channel: ConfirmChannel, entry: Entry): void {
    entry.isReturned = false
    entry.sentAtMs = performance.now()
    this.#unconfirmed.add(entry)
    this.#unconfirmedBytes += entry.content.byteLength
    const { queue, content, options } = entry
    try {
      channel.publish(
        '',
        queue,
        content,
        { ...options, persistent: true, mandatory: true },
        (error) => this.#confirmed(channel, entry, error),
      )
    } catch (error) {
      if (isChannelClosed(error)) {
        this.#lost(channel, error)
        return
      }
      // It can never be sent.
      this.#remove(entry)
      entry.call.reject(error)
    }
  }

  #confirmed(channel: ConfirmChannel, entry: Entry, error: unknown): void {
    if (this.#channel !== channel) return
    if (error || entry.isReturned) {
      if (entry.isReturned) this.#onNoQueue(entry.queue)
      // Sent again with all that follow it, so that their order stays.
      this.#lost(channel, error ?? new Error(`there is no queue ${entry.queue}`))
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
  #lost(channel: ConfirmChannel, error: unknown): void {
    if (this.#channel !== channel) return
    const connection = this.#connection
    this.#channel = undefined
    this.#connection = undefined
    this.#blockedBy = undefined
    this.#requeue(error)
    void closeQuietly(connection)
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

  /** Connects, and tries again until it succeeds or nothing waits. Never rejects. */
  async #open(): Promise<void> {
    while (!this.#closed && this.#channel === undefined) {
      this.#eachWaiting(() => {})
      if (this.#waiting.length === 0) break
      if (this.#failures > 0) await delay(50 + backOffMs(this.#failures, 100, 2000))
      this.#failures += 1
      let connection: ChannelModel | undefined
      try {
        connection = await this.#connector.connect('publisher')
        const channel = await this.#connector.openConfirmChannel(connection)
        this.#use(connection, channel)
      } catch (error) {
        void closeQuietly(connection)
        this.#eachWaiting((call) => {
          call.lastError = error
          if (!isRetryable(error)) call.reject(error)
        })
      }
    }
    this.#opening = undefined
    this.#pump()
  }

  #use(connection: ChannelModel, channel: ConfirmChannel): void {
    this.#connection = connection
    this.#channel = channel
    connection.on('blocked', (reason) => {
      if (this.#connection === connection) this.#blockedBy = reason
    })
    connection.on('unblocked', () => {
      if (this.#connection === connection) this.#blockedBy = undefined
    })
    let reason: unknown = new Error('the connection was lost')
    connection.on('error', (error) => {
      reason = error
    })
    channel.on('error', (error) => {
      reason = error
      this.#rejectIfFinal(error)
    })
    const watch = setInterval(() => this.#renewIfStalled(channel), stallCheckMs)
    watch.unref()
    channel.on('close', () => {
      clearInterval(watch)
      this.#lost(channel, reason)
    })
    channel.on('return', ({ fields }) => {
      for (const entry of this.#unconfirmed) {
        if (entry.queue === fields.routingKey) entry.isReturned = true
      }
    })
  }

  /**
   * A channel that has published to a stream while its node started may wait without end for a
   * writer that is gone.
   */
  #renewIfStalled(channel: ConfirmChannel): void {
    const [oldest] = this.#unconfirmed
    if (this.#channel !== channel || this.#blockedBy !== undefined || oldest === undefined) return
    const { publishTimeoutMs } = this.#connector.location
    if (performance.now() - oldest.sentAtMs < publishTimeoutMs / 3) return
    this.#lost(
      channel,
      new Error(`no confirm for ${oldest.queue} within ${Math.round(publishTimeoutMs / 3)} ms`),
    )
  }

  /** RabbitMQ closes the channel for a message that it refuses, and does not say which: the oldest not confirmed. */
  #rejectIfFinal(error: unknown): void {
    if (isRetryable(error)) return
    const [oldest] = this.#unconfirmed
    oldest?.call.reject(error)
  }

  #timeoutError({ lastError, what }: Call, timeoutMs: number): unknown {
    const at = `RabbitMQ at ${hostNames(this.#connector.location)}`
    if (this.#blockedBy !== undefined) {
      return new BrokerError(
        'BROKER_FAILED',
        `Cannot ${what}: ${at} takes no messages because it is ${this.#blockedBy}. Free disk or memory there, or lower its limits (disk_free_limit, vm_memory_high_watermark).`,
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
