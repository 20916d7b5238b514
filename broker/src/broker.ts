import type { Logger } from '@herald/runtime'

export interface OpenBrokerOptions {
  logger: Logger
  /** Partitions of a topic that this broker creates. Default 8; an existing topic keeps its own. */
  partitions?: number
  /** How long a topic that this broker creates keeps its events, in milliseconds. Default 7 days. */
  retentionMs?: number
  /** Called with why an attempt failed that is repeated until the call's time is over. */
  onRetry?: ((error: BrokerError) => void) | undefined
}

/**
 * The contract of every driver. What drivers differ in is declared in `features`; the suite in
 * `test/conformance.ts` tests what is declared.
 */
export interface Broker {
  readonly features: BrokerFeatures
  /**
   * Creates `topic` if it is absent, so that a missing right is found before the topic is needed.
   * `publish` and `subscribe` do the same. Rejects with BrokerError.
   */
  createTopic(topic: string): Promise<void>
  /**
   * Resolves when all messages are durable (Kafka: acks=all), to their positions, in the order
   * given. Messages of one key keep the order of the calls. Rejects with BrokerError; some of the
   * messages may be published even then, and publishing again may duplicate them.
   */
  publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]>
  /**
   * Joins `group` on `topic`. Resolves when the group has accepted the member, possibly on standby;
   * events are delivered from then on. A group that never committed begins with the oldest event kept.
   */
  subscribe(options: SubscribeOptions, handler: Handler): Promise<Subscription>
  /**
   * Whether a group has ever joined `topic`. Absent if the driver cannot answer.
   * Rejects with BrokerError.
   */
  hasHadConsumers?(topic: string): Promise<boolean>
  /** Closes every subscription as Subscription.close does, then disconnects. Idempotent. */
  close(): Promise<void>
}

/**
 * The largest message on any broker, key, value and headers together, in bytes: what Kafka accepts
 * with its defaults (max.message.bytes 1,048,588 limits the batch around it). One limit for all, so
 * that no broker refuses what another one accepts.
 */
export const maxMessageBytes = 1_000_000

/** What a driver does. The conformance suite fails a driver that does less or more than it declares. */
export interface BrokerFeatures {
  /** The driver's name: `embedded`, `kafka`, `rabbitmq`, `nats`. */
  readonly name: string
  /** Several groups each get every event. */
  readonly groups: boolean
  /**
   * `shared`: the members of a group divide the partitions among them. `single-active`: one member
   * gets every event; the others are on standby, and one of them takes over when it has closed, its
   * process has ended, or it has sent no heartbeat for the session timeout.
   */
  readonly consumersPerGroup: 'shared' | 'single-active'
  /** Topics have partitions: deliveries and subscriptions name theirs. */
  readonly partitions: boolean
  /** Events of one key are handled one after the other, in the order published. */
  readonly orderPerKey: boolean
  /** What `publish` acknowledged survives kill -9 of every process. */
  readonly survivesKill: boolean
  /**
   * What `publish` acknowledged survives a power failure of all the broker's machines at once: it is
   * synced to disk before. A driver whose server needs a setting for it does not declare it.
   */
  readonly survivesPowerLoss: boolean
  /** A new group begins with the oldest event kept. */
  readonly replay: boolean
  /** Members may run on different machines. */
  readonly severalMachines: boolean
  /** How long an event that was published may be missing in `Subscription.lag`; 0: it never is. */
  readonly lagDelayMs: number
  /** The largest message, key, value and headers together, in bytes. */
  readonly maxMessageBytes: number
}

/** Bytes with a key and headers, as in Kafka. */
export interface Message {
  /** Events of one key stay in order. Null: the order does not matter. */
  readonly key: string | null
  /** Never empty: an empty value is a tombstone to a compacted topic. */
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, Uint8Array>>
  /**
   * Set if `key` and `headers` cannot represent a foreign message exactly: the key is not UTF-8, or a
   * header comes more than once (`headers` has the last one). PublishedPosition instead of the two.
   */
  readonly raw?: RawMessage
}

/** A message's key and headers byte for byte. */
export interface RawMessage {
  readonly key: Uint8Array | null
  /** Every value of a header, in order. */
  readonly headers: Readonly<Record<string, readonly Uint8Array[]>>
}

/** Where an event is in its topic. */
export interface EventPosition {
  /** Opaque, printable, at most 100 characters. Unique in the topic; the same in each delivery. */
  readonly position: string
  /** Only to describe it, of a broker with partitions; both or neither. */
  readonly partition?: number | undefined
  /** A decimal, as it may exceed 2^53. */
  readonly offset?: string | undefined
}

/** Where a published message is. A driver that does not know it leaves all out. */
export type PublishedPosition = Partial<EventPosition>

/** A message that is delivered to a handler. */
export interface Delivery extends Message, EventPosition {
  readonly topic: string
  /** When the broker received it. */
  readonly publishedAt: Date
  /** 1, then 2, 3, … for each redelivery by this member. After a crash it begins at 1 again. */
  readonly attempt: number
}

export interface DeliveryContext {
  /**
   * Aborted when another member may handle the event: its partition went to that member, or the
   * subscription closes and its drain time is over. A handler that continues may repeat what another
   * member does; its acknowledgement is ignored.
   */
  readonly signal: AbortSignal
  /**
   * True if the event is retried early because parked keys fill half the buffer (see
   * RetryLater.soonerWhenCrowded). The handler makes room if it resolves. If it rejects, the event is
   * not retried early a second time.
   */
  readonly crowded?: boolean
}

/**
 * Handles one event. Resolving acknowledges it: it is not delivered to this group again, once
 * everything before it in its partition is acknowledged too and that is durable. Rejecting does
 * not: it is delivered again after a back-off, or after `retryAfterMs` if the handler rejects with
 * RetryLater; the events of its key wait behind it, those of other keys continue.
 */
export type Handler = (delivery: Delivery, context: DeliveryContext) => Promise<void>

/** A handler rejects with it to be called again after a given time. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater'
  readonly retryAfterMs: number
  /** May be called again, once, before that time, with `crowded` in its context, when parked keys fill the buffer. */
  readonly soonerWhenCrowded: boolean

  constructor(
    retryAfterMs: number,
    { soonerWhenCrowded = false, ...options }: ErrorOptions & { soonerWhenCrowded?: boolean } = {},
  ) {
    super(`to be delivered again in ${retryAfterMs} ms`, options)
    this.retryAfterMs = retryAfterMs
    this.soonerWhenCrowded = soonerWhenCrowded
  }
}

export interface SubscribeOptions {
  readonly topic: string
  /** The consumer group. */
  readonly group: string
  /** The most handlers at work at once in this subscription, over all its partitions. Default 32. */
  readonly maxInFlight?: number
  /**
   * The most events taken from the broker and not yet committed there, those waiting behind their key
   * and those parked included. It is also the most that are delivered again when another member takes
   * over, except for those acknowledged behind one that is parked. Default 10 × maxInFlight.
   */
  readonly maxBuffered?: number
  /** The group has this subscription only, now and ever: the broker need not keep what it commits. */
  readonly standalone?: boolean
}

export interface Subscription {
  /**
   * Whether this member holds its whole share of the group's events now. False on standby, and while
   * the group divides them again.
   */
  readonly active: boolean
  /** The partitions this member holds now, ascending; none on standby. Absent if topics have none. */
  readonly partitions?: readonly number[]
  /** Starts no more handlers; those at work finish. The member stays in the group. Idempotent. */
  pause(): void
  /** Undoes pause. Idempotent. */
  resume(): void
  /**
   * Events published and not yet acknowledged by the group, of what this member holds. Those of the
   * last `lagDelayMs` may be missing.
   * Rejects with BrokerError if the broker does not answer.
   */
  lag(): Promise<number>
  /**
   * Starts no more handlers, waits up to `drainMs` (10,000) for those at work, commits what they
   * acknowledged, leaves the group. Idempotent.
   */
  close(options?: { drainMs?: number }): Promise<void>
}

/** Why a call to a driver failed. */
export type BrokerErrorCode =
  | 'BROKER_BAD_URL'
  | 'BROKER_UNREACHABLE'
  | 'BROKER_AUTHENTICATION'
  | 'BROKER_NOT_ALLOWED'
  | 'BROKER_MESSAGE_TOO_LARGE'
  | 'BROKER_INVALID_MESSAGE'
  | 'BROKER_CLOSED'
  | 'BROKER_FAILED'

const retryableCodes: readonly BrokerErrorCode[] = ['BROKER_UNREACHABLE', 'BROKER_FAILED']
const messageCodes: readonly BrokerErrorCode[] = [
  'BROKER_MESSAGE_TOO_LARGE',
  'BROKER_INVALID_MESSAGE',
]

export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: BrokerErrorCode

  /** `message` states what is wrong and what to do, and may be shown to a person. */
  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  /** The same call may succeed later. */
  get retryable(): boolean {
    return retryableCodes.includes(this.code)
  }

  /** The broker works, and accepts other messages. */
  get rejectsMessage(): boolean {
    return messageCodes.includes(this.code)
  }
}
