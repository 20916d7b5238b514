import { type Logger, pino } from 'pino'

export type { Logger }

/**
 * A logger that writes JSON lines to standard error (standard output is a program's result).
 * Message constant, variables as fields; no addresses and no bodies at info level.
 */
export function createLogger(program: string, level = 'info'): Logger {
  return pino(
    { base: { program }, level, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  )
}

/** For tests and for library use: says nothing. */
export const silentLogger: Logger = pino({ level: 'silent' })
