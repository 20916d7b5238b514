import type { Logger } from './logger.js'
import { describeStartFault } from './start-fault.js'

interface Closer {
  readonly name: string
  readonly close: () => Promise<unknown> | unknown
}

/**
 * What a program has acquired, released last-in-first-out.
 * Each acquisition defers its closer at once, so that a failed start releases what it had.
 */
export class Lifecycle {
  readonly #closers: Closer[] = []
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  #closed: Promise<void> | undefined
  #closing: string | undefined
  #released = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Aborted when the program is asked to stop. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  /** The closer being waited for, for the message when it hangs. */
  get closing(): string | undefined {
    return this.#closing
  }

  /**
   * `close` runs once, when everything deferred after it is closed; at once where all is closed
   * already: a start that went on while the program stopped keeps nothing either.
   */
  defer(name: string, close: Closer['close']): void {
    this.#closers.push({ name, close })
    if (this.#released) void this.#release().catch(() => {})
  }

  /** Runs every closer, the last deferred first, also when one fails. Idempotent. Rejects with the first fault. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll()
    return this.#closed
  }

  async #closeAll(): Promise<void> {
    this.#stopping.abort()
    await this.#release().finally(() => {
      this.#released = true
    })
  }

  async #release(): Promise<void> {
    let fault: unknown
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      this.#closing = closer.name
      try {
        await closer.close()
      } catch (error) {
        fault ??= error
        this.#logger.error({ err: error, closer: closer.name }, 'could not close')
      }
    }
    this.#closing = undefined
    if (fault !== undefined) throw fault
  }
}

export interface ProgramOptions {
  logger: Logger
  /** How long stopping may take, in milliseconds. */
  deadlineMs?: number
}

/**
 * Runs a long-lived program: `start` acquires and defers, then the program lives until
 * SIGTERM or SIGINT, or, where its parent spawned it with an IPC channel, until that parent is
 * gone: nobody is left to stop it then. Sets the exit status: 0 after a clean stop, 1 after a
 * failed start (2 for a ConfigurationError), a failed closer, or when stopping takes longer than
 * the deadline (what hung is named). Why it did not start is a plain sentence on standard error
 * where a person can mend it. A second signal ends the process at once.
 */
export async function runProgram(
  { logger, deadlineMs = 15_000 }: ProgramOptions,
  start: (lifecycle: Lifecycle) => Promise<void>,
): Promise<void> {
  const lifecycle = new Lifecycle(logger)
  let stopping = false
  const stop = async (exitCode: number) => {
    stopping = true
    const timer = setTimeout(() => {
      logger.fatal({ hung: lifecycle.closing }, 'did not stop in time')
      process.exit(1)
    }, deadlineMs)
    try {
      await lifecycle.close()
      process.exit(exitCode)
    } catch {
      process.exit(1)
    } finally {
      clearTimeout(timer)
    }
  }
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stopping) process.exit(1)
      logger.info({ signal: name }, 'stopping')
      void stop(0)
    })
  }
  const stopWithParent = () => {
    if (stopping) return
    logger.info('stopping, the parent is gone')
    void stop(0)
  }
  process.on('disconnect', stopWithParent)
  // False, not undefined, where there was a channel: the parent died before we listened.
  if (process.connected === false) stopWithParent()
  try {
    await start(lifecycle)
  } catch (error) {
    if (stopping) return
    stopping = true
    const fault = await describeStartFault(error)
    if (fault) process.stderr.write(`${fault.message}\n`)
    else logger.fatal({ err: error }, 'could not start')
    await stop(fault?.exitCode ?? 1)
  }
}
