import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { ConvertResponse, ReceivedConvertRequest } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'

type Progress = NonNullable<ConvertResponse['progress']>
export type ConvertCall = ServerDuplexStream<ReceivedConvertRequest, ConvertResponse>

/** The interval of progress messages, which clients need to know that the server is alive. */
const heartbeatMs = 10_000

/** Sends the responses of a call, as fast as the client reads them. */
export class Responder {
  readonly #call: ConvertCall
  readonly #signal: AbortSignal
  readonly #idleMs: number
  #queue: Promise<unknown> = Promise.resolve()
  #unsent = 0
  #progress: Progress = { stage: 'STAGE_UPLOADING', receivedBytes: 0, renditionsDone: 0 }

  /** `signal` is aborted with a HeraldError when the client cancels. */
  constructor(call: ConvertCall, signal: AbortSignal, idleMs: number) {
    this.#call = call
    this.#signal = signal
    this.#idleMs = idleMs
  }

  /** Sends progress without waiting: these messages are few and small. */
  sendProgress(progress: Progress): void {
    this.#progress = progress
    if (this.#signal.aborted) return
    this.#write({ progress }).catch(() => {})
  }

  /** Repeats the last progress until the returned function is called. */
  startHeartbeat(): () => void {
    const timer = setInterval(() => {
      if (this.#unsent === 0) this.sendProgress(this.#progress)
    }, heartbeatMs)
    return () => clearInterval(timer)
  }

  /**
   * Resolves when HTTP/2's flow control has let the message through. Rejects if that takes longer
   * than `idleMs` or the client cancels.
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
      const timer = setTimeout(() => settle(() => reject(notRead(this.#idleMs))), this.#idleMs)
      this.#signal.addEventListener('abort', aborted)
      this.#write(message).then(
        () => settle(resolve),
        (error) => settle(() => reject(error)),
      )
    })
  }

  /** Runs `work` when the previous one is done, so that messages of two do not mix. */
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

function notRead(idleMs: number): HeraldError {
  return new HeraldError('HERALD_TIMEOUT', `The renditions were not read for ${idleMs / 1000} s.`, {
    remedy: 'Check the connection and try again.',
  })
}
