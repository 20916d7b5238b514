import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { ConvertResponse, ReceivedConvertRequest } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'

type Progress = NonNullable<ConvertResponse['progress']>
export type ConvertCall = ServerDuplexStream<ReceivedConvertRequest, ConvertResponse>

/** How often a client is sent progress, even if there is none: it takes a silent server for gone. */
const heartbeatMs = 10_000

/** The answering half of a call, at the pace at which the client reads it. */
export class Responder {
  readonly #call: ConvertCall
  readonly #signal: AbortSignal
  readonly #idleMs: number
  #queue: Promise<unknown> = Promise.resolve()
  #unsent = 0
  #progress: Progress = { stage: 'STAGE_UPLOADING', receivedBytes: 0, renditionsDone: 0 }

  /** `signal` is aborted with a HeraldError when the client is gone. */
  constructor(call: ConvertCall, signal: AbortSignal, idleMs: number) {
    this.#call = call
    this.#signal = signal
    this.#idleMs = idleMs
  }

  /** Sends progress without waiting for it: it is small and there is little of it. */
  sendProgress(progress: Progress): void {
    this.#progress = progress
    if (this.#signal.aborted) return
    this.#write({ progress }).catch(() => {})
  }

  /** Repeats the last progress now and then until the function it returns is called. */
  startHeartbeat(): () => void {
    const timer = setInterval(() => {
      if (this.#unsent === 0) this.sendProgress(this.#progress)
    }, heartbeatMs)
    return () => clearInterval(timer)
  }

  /**
   * Resolves when HTTP/2's flow control has let the message through. Rejects if that takes longer
   * than `idleMs` or the client is gone.
   */
  send(message: ConvertResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#signal.throwIfAborted()
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#signal.removeEventListener('abort', aborted)
        act()
      }
      const aborted = () => settle(() => reject(this.#signal.reason))
      const timer = setTimeout(
        () => settle(() => reject(standstill('The renditions were not read', this.#idleMs))),
        this.#idleMs,
      )
      this.#signal.addEventListener('abort', aborted)
      this.#write(message).then(
        () => settle(resolve),
        (error) => settle(() => reject(error)),
      )
    })
  }

  /** Runs `work` after those before it: no other message gets between those it sends. */
  runExclusive(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work)
    this.#queue = done.catch(() => {})
    return done
  }

  #write(message: ConvertResponse): Promise<void> {
    this.#unsent++
    return new Promise((resolve, reject) => {
      this.#call.write(message, (error?: Error | null) => {
        this.#unsent--
        if (error) reject(error)
        else resolve()
      })
    })
  }
}

/** The other side has not moved for too long. */
function standstill(what: string, idleMs: number): HeraldError {
  return new HeraldError('HERALD_TIMEOUT', `${what} for ${idleMs / 1000} s.`, {
    remedy: 'Check the connection and try again.',
  })
}
