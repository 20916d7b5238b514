import { type Logger, pino } from 'pino'
import { withoutUrlSecrets } from './url-secrets.js'

export type { Logger }

/**
 * A logger that writes JSON lines to standard error (standard output is a program's result).
 * Message constant, variables as fields; no addresses and no bodies at info level. What may be
 * secret in a URL is hidden in every line, whatever the level.
 */
export function createLogger(program: string, level = 'info'): Logger {
  const stderr = pino.destination({ fd: 2, sync: true })
  return pino(
    { base: { program }, level, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void stderr.write(withoutUrlSecrets(line)) },
  )
}

/** For tests and for library use: says nothing. */
export const silentLogger: Logger = pino({ level: 'silent' })
