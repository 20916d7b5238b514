import { promises as dns, type LookupAddress } from 'node:dns'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeraldError } from '@herald/proto/errors'
import { ConverterChannel, connectWithinMs } from './converter-channel.js'
import { parseConverterTarget } from './converter-target.js'

/** After this time the next call looks a name up again. */
const lookupAfterMs = 10_000

const lookupReasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'the name server does not answer',
}

/** All addresses of a host; rejects if there is none. */
export type Lookup = (host: string) => Promise<readonly LookupAddress[]>

/**
 * The converters of a client, used in turn. A channel for each, instead of one with `round_robin`:
 * with that, grpc-js cannot be asked for a converter that has not yet refused the call.
 */
export class ConverterPool {
  readonly #target
  readonly #lookup: Lookup
  #channels: readonly ConverterChannel[] = []
  #lookedUpAtMs = Number.NEGATIVE_INFINITY
  #lookingUp: Promise<void> | undefined
  #uses = 0
  #closed = false

  /** `target` as in HERALD_CONVERTER. Throws if it is not valid. */
  constructor(target: string, lookup: Lookup = (host) => dns.lookup(host, { all: true })) {
    const parsed = parseConverterTarget(target)
    if (!parsed) throw new TypeError(`invalid converter target ${JSON.stringify(target)}`)
    this.#target = parsed
    this.#lookup = lookup
    if (parsed.kind === 'list') {
      this.#channels = parsed.addresses.map((address) => new ConverterChannel(address))
    }
  }

  /** All of them. Rejects with HERALD_UNREACHABLE if the name has no address. */
  async all(): Promise<readonly ConverterChannel[]> {
    if (this.#target.kind === 'list') return this.#channels
    if (performance.now() - this.#lookedUpAtMs > lookupAfterMs) {
      this.#lookingUp ??= this.#refresh(this.#target).finally(() => {
        this.#lookingUp = undefined
      })
    }
    if (this.#channels.length === 0) await this.#lookingUp
    else this.#lookingUp?.catch(() => {})
    return this.#channels
  }

  /**
   * The next converter for a call: one with a connection, else one that cannot be connected, whose call
   * then fails at once with the reason. Waits for connections that are being made if there is no
   * other. Undefined if all that remain are in `tried` or `overdue`, or when `signal` is aborted.
   */
  async next(
    tried: Pick<ReadonlySet<ConverterChannel>, 'has'>,
    signal: AbortSignal,
  ): Promise<ConverterChannel | undefined> {
    while (!signal.aborted) {
      const channels = await this.all()
      const states = channels.map((channel) => ({ channel, state: channel.state() }))
      const inState = (wanted: string) =>
        states
          .filter(({ channel, state }) => state === wanted && !tried.has(channel))
          .map(({ channel }) => channel)
      const ready = this.#longestUnused(inState('ready'))
      if (ready) return ready
      const connecting = inState('connecting')
      if (connecting.length === 0) return this.#longestUnused(inState('failed'))
      await untilAny(
        connecting.map((channel) => channel.changed()),
        signal,
      )
    }
    return undefined
  }

  /** Calls under way continue. Idempotent. */
  close(): void {
    this.#closed = true
    for (const channel of this.#channels) channel.close()
  }

  #longestUnused(channels: readonly ConverterChannel[]): ConverterChannel | undefined {
    const welcome = channels.filter(({ isAvoided }) => !isAvoided)
    const candidates = welcome.length > 0 ? welcome : channels
    const [first] = [...candidates].sort((one, other) => one.lastUsed - other.lastUsed)
    if (first) first.lastUsed = ++this.#uses
    return first
  }

  async #refresh({ host, port }: { host: string; port: number }): Promise<void> {
    const timeout = new AbortController()
    const late = sleep(connectWithinMs, undefined, { signal: timeout.signal, ref: false }).then(
      () => {
        throw new Error('the name server does not answer')
      },
    )
    late.catch(() => {})
    try {
      const found = await Promise.race([this.#lookup(host), late])
      if (!this.#closed)
        this.#replace(
          found.map(({ address }) => withPort(address, port)),
          host,
          port,
        )
      this.#lookedUpAtMs = performance.now()
    } catch (error) {
      if (this.#channels.length > 0) this.#lookedUpAtMs = performance.now()
      const { code, message } = error as NodeJS.ErrnoException
      const reason = lookupReasons[code ?? ''] ?? message
      throw new HeraldError(
        'HERALD_UNREACHABLE',
        `The converter at dns:///${withPort(host, port)} cannot be reached: ${reason}.`,
        { remedy: 'Correct the name in HERALD_CONVERTER, or the name server.', cause: error },
      )
    } finally {
      timeout.abort()
    }
  }

  #replace(addresses: readonly string[], host: string, port: number): void {
    const known = new Map(this.#channels.map((channel) => [channel.address, channel]))
    this.#channels = [...new Set(addresses)].map(
      (address) => known.get(address) ?? new ConverterChannel(address, withPort(host, port)),
    )
    for (const channel of known.values()) {
      if (!this.#channels.includes(channel)) channel.close()
    }
  }
}

const withPort = (host: string, port: number) =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

async function untilAny(events: readonly Promise<void>[], signal: AbortSignal): Promise<void> {
  let abort = () => {}
  const aborted = new Promise<void>((resolve) => {
    abort = resolve
  })
  signal.addEventListener('abort', abort, { once: true })
  await Promise.race([...events, aborted])
  signal.removeEventListener('abort', abort)
}
