import { connectivityState, credentials } from '@grpc/grpc-js'
import { ConverterService } from '@herald/proto/converter'

type Client = InstanceType<typeof ConverterService>

/** How long a connection may take before calls no longer wait for it. */
export const connectWithinMs = 5_000
/** How long a converter that refused a call is tried after the others. */
const avoidMs = 1_000

/**
 * One converter, with a gRPC channel of its own. grpc-js connects again by itself after a failure,
 * at least once a second; a call never starts a further attempt.
 */
export class ConverterChannel {
  /** As the user would write it. */
  readonly address: string
  /** When a call was last sent to it: a number that grows. */
  lastUsed = Math.random()
  readonly #authority: string | undefined
  #client: Client
  #avoidUntilMs = Number.NEGATIVE_INFINITY
  /** Since when there has been no connection. */
  #unconnectedSinceMs: number | undefined

  /** `authority`: the name of the server, if `address` is one of the name's addresses. */
  constructor(address: string, authority?: string) {
    this.address = address
    this.#authority = authority
    this.#client = this.#open()
  }

  get client(): Client {
    return this.#client
  }

  get isAvoided(): boolean {
    return performance.now() < this.#avoidUntilMs
  }

  /**
   * `connecting` for at most `connectWithinMs`; then `overdue` until it is connected or fails. Starts
   * to connect if it is idle.
   */
  state(): 'ready' | 'failed' | 'connecting' | 'overdue' {
    const state = this.#client.getChannel().getConnectivityState(true)
    if (state === connectivityState.READY) {
      this.#unconnectedSinceMs = undefined
      return 'ready'
    }
    // An idle one begins to connect now; it may have been connected since it was looked at.
    if (state === connectivityState.IDLE) this.#unconnectedSinceMs = performance.now()
    this.#unconnectedSinceMs ??= performance.now()
    if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) {
      return 'failed'
    }
    return performance.now() - this.#unconnectedSinceMs < connectWithinMs ? 'connecting' : 'overdue'
  }

  /** Resolves when the state is no longer `connecting`. */
  changed(): Promise<void> {
    const channel = this.#client.getChannel()
    const from = channel.getConnectivityState(false)
    const waitedMs = performance.now() - (this.#unconnectedSinceMs ?? performance.now())
    const deadline = Date.now() + connectWithinMs - waitedMs
    return new Promise((resolve) => {
      if (from === connectivityState.SHUTDOWN) resolve()
      else channel.watchConnectivityState(from, deadline, () => resolve())
    })
  }

  /** It has refused a call: it is tried after the others for a moment, or for `forMs`. */
  avoid(forMs = avoidMs): void {
    this.#avoidUntilMs = performance.now() + forMs
  }

  /** Gives up a connection on which nothing arrives. */
  reconnect(): void {
    this.#client.close()
    this.#client = this.#open()
  }

  /** Calls under way continue. */
  close(): void {
    this.#client.close()
  }

  #open(): Client {
    return new ConverterService(this.address, credentials.createInsecure(), {
      // A converter on the same network is not behind the proxy of `http_proxy`.
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 1_000,
      // A new channel must not get the connection that another one gave up.
      'grpc.use_local_subchannel_pool': 1,
      ...(this.#authority ? { 'grpc.default_authority': this.#authority } : {}),
    })
  }
}
