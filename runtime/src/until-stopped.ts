import type { Terminal } from './terminal.js'
import { escapeControls } from './terminal-text.js'

const stopSignals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

export interface CommandProgram {
  /** What a person calls it by; stands before a fault. */
  readonly name: string
  /** The last word of a command that was stopped. */
  readonly stopped: string
}

/**
 * Runs one command until it is done, or until the user stops it: the first signal aborts, a second
 * ends the process at once. Resolves to the exit status; what is thrown is told, without a stack.
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
  // Whoever reads the results may have seen enough (`| head`); the work goes on.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  try {
    const status = await command(stop.signal)
    if (stopStatus === undefined) return status
  } catch (error) {
    if (stopStatus === undefined) return tellFault(terminal, program.name, error)
  }
  terminal.log(`${program.name}: ${program.stopped}`)
  return stopStatus
}

interface Fault {
  readonly code?: unknown
  readonly name?: string
  readonly message?: string
  readonly publicMessage?: string
  readonly remedy?: string
  readonly exitCode?: number
}

// By shape, not by class: the classes' modules would be loaded for --help as well.
function tellFault(terminal: Terminal, program: string, error: unknown): number {
  const { name, message, code, publicMessage, remedy, exitCode } = (error ?? {}) as Fault
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
    terminal.log('  That is a defect in Herald; please report it.')
    return 1
  }
  terminal.log(`${mark} ${escapeControls(publicMessage)}`)
  if (remedy) terminal.log(`  ${terminal.paint('dim', escapeControls(remedy), 'stderr')}`)
  return exitCode ?? 1
}
