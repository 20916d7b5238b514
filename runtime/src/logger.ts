import { createRequire } from 'node:module'
import type * as Pino from 'pino'
import type { Logger } from 'pino'
import { withoutUrlSecrets } from './url-secrets.js'

export type { Logger }

/**
 * A logger that writes JSON lines to standard error (standard output is a program's result).
 * Messages are constant, variables are fields; no addresses and no bodies at info level. Secrets in
 * URLs are hidden at every level.
 */
export function createLogger(program: string, level = 'info'): Logger {
  // Loaded on first use: commands that do not log start faster.
  const { pino } = createRequire(import.meta.url)('pino') as typeof Pino
  const stderr = pino.destination({ fd: 2, sync: true })
  return pino(
    { base: { program }, level, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void stderr.write(withoutUrlSecrets(line)) },
  )
}

const doNothing = () => {}

/** For tests and for library use: writes nothing. */
export const silentLogger = {
  level: 'silent',
  isLevelEnabled: () => false,
  fatal: doNothing,
  error: doNothing,
  warn: doNothing,
  info: doNothing,
  debug: doNothing,
  trace: doNothing,
  silent: doNothing,
  flush: doNothing,
  bindings: () => ({}),
  setBindings: doNothing,
  child: () => silentLogger,
} as unknown as Logger
