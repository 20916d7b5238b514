import type { Logger } from './logger.js'
import { describeStartError } from './start-error.js'

interface Closer {
  readonly name: string
  readonly close: () => Promise<unknown> | unknown
}

/**
 * The resources of a program, released in reverse order. Each is deferred as soon as it is acquired,
 * so that a failed start releases them too.
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

  /** Aborted when the program is to stop. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  /** The name of the closer that is running, for the log if it hangs. */
  get closing(): string | undefined {
    return this.#closing
  }

  /**
   * `close` runs once, after everything deferred later is closed. If the lifecycle is closed already,
   * because a start continued while the program stopped, it runs at once.
   */
  defer(name: string, close: Closer['close']): void {
    this.#closers.push({ name, close })
    if (this.#released) void this.#release().catch(() => {})
  }

  /** Runs every closer, the last deferred first, also if one fails. Idempotent. Rejects with the first error. */
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
    let firstError: unknown
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      this.#closing = closer.name
      try {
        await closer.close()
      } catch (error) {
        firstError ??= error
        this.#logger.error({ err: error, closer: closer.name }, 'could not close')
      }
    }
    this.#closing = undefined
    if (firstError !== undefined) throw firstError
  }
}

export interface ProgramOptions {
  logger: Logger
  /** How long stopping may take, in milliseconds. */
  deadlineMs?: number
}

/**
 * Runs a long-lived program: `start` acquires and defers resources, then the program runs until
 * SIGTERM or SIGINT, or, if its parent started it with an IPC channel, until the parent exits,
 * because nothing else would stop it then. Exit status: 0 after a clean stop; 1 after a failed start (2
 * for a ConfigurationError), a failed closer, or if stopping takes longer than the deadline (the
 * log names the closer). If a person can fix the reason why it did not start, one sentence on standard
 * error explains it. A second signal exits at once.
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
    logger.info('the parent has exited; stopping')
    void stop(0)
  }
  process.on('disconnect', stopWithParent)
  // False, not undefined, if there was a channel: the parent exited before we listened.
  if (process.connected === false) stopWithParent()
  try {
    await start(lifecycle)
  } catch (error) {
    if (stopping) return
    stopping = true
    const known = await describeStartError(error)
    if (known) process.stderr.write(`${known.message}\n`)
    else logger.fatal({ err: error }, 'could not start')
    await stop(known?.exitCode ?? 1)
  }
}
