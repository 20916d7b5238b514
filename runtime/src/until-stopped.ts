import type { Terminal } from './terminal.js'
import { escapeControls } from './terminal-text.js'

const stopSignals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

export interface CommandProgram {
  /** Its name, as a prefix of error messages. */
  readonly name: string
  /** The message after it was stopped. */
  readonly stopped: string
}

/**
 * Runs one command until it is done, or until the user stops it: the first signal aborts, a second
 * exits at once. Resolves to the exit status; an error is printed without its stack.
 */
export async function untilStopped(
  terminal: Terminal,
  program: CommandProgram,
  command: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const stop = new AbortController()
  let stopStatus: number | undefined
  for (const [name, status] of Object.entries(stopSignals)) {
    process.on(name, () => {
      if (stopStatus !== undefined) process.exit(status)
      stopStatus = status
      stop.abort()
    })
  }
  // The reader may stop early (`| head`); the work continues.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  try {
    const status = await command(stop.signal)
    if (stopStatus === undefined) return status
  } catch (error) {
    if (stopStatus === undefined) return printError(terminal, program.name, error)
  }
  terminal.log(`${program.name}: ${program.stopped}`)
  return stopStatus
}

interface KnownError {
  readonly code?: unknown
  readonly name?: string
  readonly message?: string
  readonly publicMessage?: string
  readonly remedy?: string
  readonly exitCode?: number
}

// Recognized by properties: importing the classes would make --help slower.
function printError(terminal: Terminal, program: string, error: unknown): number {
  const { name, message, code, publicMessage, remedy, exitCode } = (error ?? {}) as KnownError
  if (name === 'ConfigurationError') {
    for (const line of (message ?? '').split('\n')) terminal.log(escapeControls(line))
    return 2
  }
  const mark = terminal.paint('red', `${program}:`, 'stderr')
  if (name === 'BrokerError' || name === 'StoreError') {
    terminal.log(`${mark} ${escapeControls(message ?? '')}`)
    return code === 'BROKER_UNREACHABLE' ? 5 : 1
  }
  if (publicMessage === undefined) {
    terminal.log(`${mark} ${escapeControls(message ?? String(error))}`)
    terminal.log('  This is a bug in Herald; please report it.')
    return 1
  }
  terminal.log(`${mark} ${escapeControls(publicMessage)}`)
  if (remedy) terminal.log(`  ${terminal.paint('dim', escapeControls(remedy), 'stderr')}`)
  return exitCode ?? 1
}
