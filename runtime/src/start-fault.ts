import { ConfigurationError } from './env.js'
import { portHolder } from './port-holder.js'
import { withoutUrlSecrets } from './url-secrets.js'

/** A fault that a person can mend, and the exit status that says so. */
export interface StartFault {
  readonly message: string
  readonly exitCode: number
}

/** Codes of errors whose message says what was wrong and what to do. */
const told = /^(BROKER|STORE|HERALD)_/

/**
 * What to tell a person about why a program did not start; undefined for a defect, which keeps
 * its stack trace in the log. Faults of the configuration exit with 2, as a wrong use of the
 * command line does, all others with 1.
 */
export async function describeStartFault(error: unknown): Promise<StartFault | undefined> {
  if (!(error instanceof Error)) return undefined
  if (error instanceof ConfigurationError) return { message: error.message, exitCode: 2 }
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === 'listen' || syscall === 'bind') {
    return { message: await describeListenFault(error), exitCode: 1 }
  }
  if (code !== undefined && told.test(code)) {
    return { message: withoutUrlSecrets(error.message), exitCode: 1 }
  }
  return undefined
}

async function describeListenFault(error: NodeJS.ErrnoException): Promise<string> {
  const { address, port } = error as { address?: string; port?: number }
  const where = address?.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  switch (error.code) {
    case 'EADDRINUSE': {
      const holder = port === undefined ? undefined : await portHolder(port).catch(() => undefined)
      const who = holder ? `process ${holder.pid} (${holder.command})` : 'another program'
      return `The address ${where} is taken by ${who}. Stop that one, or give this program another address.`
    }
    case 'EACCES':
      return `The address ${where} may not be used by this user. Choose a port above 1023.`
    case 'EADDRNOTAVAIL':
      return `The address ${where} is none of this machine's. Use 127.0.0.1, 0.0.0.0 or one that it has.`
    default:
      return `Could not listen on ${where}: ${error.message}.`
  }
}

/**
 * The configuration that `load` returns, for an entry point: a ConfigurationError ends the
 * process with status 2 and its plain message on standard error.
 */
export function configure<T>(load: () => T): T {
  try {
    return load()
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}
