import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { ConvertResponse, ReceivedConvertRequest } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'

export type ConvertCall = ServerDuplexStream<ReceivedConvertRequest, ConvertResponse>

/** The answering half of a call, at the pace of whoever reads it. */
export class Responder {
  readonly #call: ConvertCall
  readonly #signal: AbortSignal
  readonly #idleMs: number
  #turn: Promise<unknown> = Promise.resolve()

  constructor(call: ConvertCall, signal: AbortSignal, idleMs: number) {
    this.#call = call
    this.#signal = signal
    this.#idleMs = idleMs
  }

  /** Sends a message that need not be waited for: it is small and there are few of it. */
  tell(message: ConvertResponse): void {
    if (!this.#signal.aborted) this.#call.write(message)
  }

  /** Sends a message; resolves when there is room for the next. Rejects when the caller is gone. */
  async send(message: ConvertResponse): Promise<void> {
    this.#signal.throwIfAborted()
    if (!this.#call.write(message)) await this.#drained()
  }

  /** Runs `work` when those before it are done: nothing gets between the messages it sends. */
  inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#call.off('drain', drained)
        this.#signal.removeEventListener('abort', aborted)
        act()
      }
      const drained = () => settle(resolve)
      const aborted = () => settle(() => reject(this.#signal.reason))
      const timer = setTimeout(
        () => settle(() => reject(standstill('The renditions were not read', this.#idleMs))),
        this.#idleMs,
      )
      this.#call.once('drain', drained)
      this.#signal.addEventListener('abort', aborted)
    })
  }
}

/** The other side has not moved for too long. */
export function standstill(what: string, idleMs: number): HeraldError {
  return new HeraldError('HERALD_TIMEOUT', `${what} for ${idleMs / 1000} s.`, {
    remedy: 'Check the connection and try again.',
  })
}
