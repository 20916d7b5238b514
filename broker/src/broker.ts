/**
 * The contract of every driver. What a driver promises it says in `features`;
 * `test/conformance.ts` holds it to its word.
 */
export interface Broker {
  readonly features: BrokerFeatures
  /**
   * Makes `topic` if it is absent, so that a missing right is found before the topic is needed.
   * `publish` and `subscribe` do the same. Rejects with BrokerError.
   */
  createTopic(topic: string): Promise<void>
  /**
   * Resolves when all messages are durable (Kafka: acks=all), to where each went, in the order
   * given. Messages of one key keep the order of the calls. Rejects with BrokerError; then some
   * of the messages may be published all the same, and publishing again may double them.
   */
  publish(topic: string, messages: readonly Message[]): Promise<Published[]>
  /**
   * Joins `group` on `topic`. Resolves when the group has taken the member in, possibly on standby;
   * events flow from then on. A group that never committed begins with the oldest event kept.
   */
  subscribe(options: SubscribeOptions, handler: Handler): Promise<Subscription>
  /**
   * Whether a group has ever joined `topic`. Absent where the driver cannot answer.
   * Rejects with BrokerError.
   */
  hasHadConsumers?(topic: string): Promise<boolean>
  /** Closes every subscription as Subscription.close does, then lets go. Idempotent. */
  close(): Promise<void>
}

/**
 * The largest message on any broker, key, value and headers together, in bytes: what Kafka takes
 * with its defaults (max.message.bytes 1,048,588 bounds the batch around it). One bound for all, so
 * that what one broker takes another does not refuse later.
 */
export const maxMessageBytes = 1_000_000

/** What a driver promises. The conformance suite tests what is promised here. */
export interface BrokerFeatures {
  /** The driver's name: `embedded`, `kafka`. */
  readonly name: string
  /** Several groups each get every event. */
  readonly groups: boolean
  /**
   * `shared`: the members of a group divide the partitions among them. `single-active`: one member
   * gets every event; the others are on standby, and one of them takes over when it has closed, its
   * process has ended, or it has sent no heartbeat for the session timeout.
   */
  readonly consumersPerGroup: 'shared' | 'single-active'
  /** Events of one key are handled one after the other, in the order published. */
  readonly orderPerKey: boolean
  /** What `publish` acknowledged survives kill -9 of every process. */
  readonly durable: boolean
  /** A new group begins with the oldest event kept. */
  readonly replay: boolean
  /** Members may run on different machines. */
  readonly severalMachines: boolean
  /** The largest message, key, value and headers together, in bytes. */
  readonly maxMessageBytes: number
}

/** What is published: bytes with a key and headers, as Kafka has them. */
export interface Message {
  /** Events of one key stay in order. Null: no order is asked for. */
  readonly key: string | null
  /** Never empty: an empty value is a tombstone to a compacted topic. */
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, Uint8Array>>
  /**
   * Set if `key` and `headers` do not hold a foreign message exactly: the key is not UTF-8, or a
   * header comes more than once (`headers` has the last one). Published instead of the two.
   */
  readonly raw?: RawMessage
}

/** A message's key and headers byte for byte. */
export interface RawMessage {
  readonly key: Uint8Array | null
  /** Every value of a header, in order. */
  readonly headers: Readonly<Record<string, readonly Uint8Array[]>>
}

/** Where a message went. A driver that cannot tell leaves both out. */
export interface Published {
  readonly partition?: number
  /** Position in the partition, a decimal (it may exceed 2^53). */
  readonly offset?: string
}

/** A message on its way to a handler. */
export interface Delivery extends Message {
  readonly topic: string
  readonly partition: number
  /** Position in the partition, a decimal. */
  readonly offset: string
  /** When the broker took it. */
  readonly publishedAt: Date
  /** 1 for the first time this member hands it over, then 2, 3, … (a redelivery after a crash begins at 1). */
  readonly attempt: number
}

export interface DeliveryContext {
  /**
   * Aborted when the event is no longer this member's to handle: its partition went to another
   * member, or the subscription closes and its drain time is over. A handler that goes on
   * regardless may do what another member does as well; its acknowledgement is not taken.
   */
  readonly signal: AbortSignal
  /**
   * True where the event is handed over before its time because parked keys fill half the buffer
   * (see RetryLater.soonerWhenCrowded): make room by settling it some other way. A handler that
   * parks it again is asked again no sooner than it says.
   */
  readonly crowded?: boolean
}

/**
 * Handles one event. Resolving acknowledges it: it is not delivered to this group again, once
 * everything before it in its partition is acknowledged too and that is durable. Rejecting does
 * not: it is delivered again after a back-off, or after `retryAfterMs` where the handler rejects
 * with RetryLater; the events of its key wait behind it, those of other keys flow on.
 */
export type Handler = (delivery: Delivery, context: DeliveryContext) => Promise<void>

/** What a handler rejects with to be called again at a time of its choosing. */
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
  /** Most handlers at work at once in this subscription, over all its partitions. Default 32. */
  readonly maxInFlight?: number
  /**
   * Most events taken from the broker and not yet acknowledged, those waiting behind their key
   * and those parked included. Default 10 × maxInFlight.
   */
  readonly maxBuffered?: number
}

export interface Subscription {
  /** The partitions this member holds now; none on standby. */
  readonly partitions: readonly number[]
  /** Starts no handler from now on; those at work finish. The group keeps the member. Idempotent. */
  pause(): void
  /** Undoes pause. Idempotent. */
  resume(): void
  /**
   * Events published and not yet acknowledged by the group, over the partitions this member holds.
   * Rejects with BrokerError where that cannot be asked now.
   */
  lag(): Promise<number>
  /**
   * Takes no more, waits up to `drainMs` (10,000) for the handlers at work, commits what they
   * acknowledged, leaves the group. Idempotent.
   */
  close(options?: { drainMs?: number }): Promise<void>
}

/** Why a driver could not do what it was asked. */
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

export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: BrokerErrorCode

  /** `message` says what was wrong and what to do, and may be shown to a person. */
  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  /** The same call may succeed later. */
  get retryable(): boolean {
    return retryableCodes.includes(this.code)
  }
}
