import { ConfigurationError } from './env.js'
import { portHolder } from './port-holder.js'
import { withoutUrlSecrets } from './url-secrets.js'

/** An error that a person can fix, and the exit status for it. */
export interface StartError {
  readonly message: string
  readonly exitCode: number
}

/** Codes of errors whose message states what is wrong and what to do. */
const selfExplaining = /^(BLOB|BROKER|STORE|HERALD)_/

/**
 * Explains to a person why a program did not start; undefined for a bug, which is logged with its
 * stack trace. Errors of the configuration exit with 2, all others with 1.
 */
export async function describeStartError(error: unknown): Promise<StartError | undefined> {
  if (!(error instanceof Error)) return undefined
  if (error instanceof ConfigurationError) return { message: error.message, exitCode: 2 }
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === 'listen' || syscall === 'bind') {
    return { message: await describeListenError(error), exitCode: 1 }
  }
  if (code !== undefined && selfExplaining.test(code)) {
    // That of a bad URL holds no secret, and its parameters may be what is wrong.
    const isSafe = code.endsWith('_BAD_URL')
    return { message: isSafe ? error.message : withoutUrlSecrets(error.message), exitCode: 1 }
  }
  return undefined
}

async function describeListenError(error: NodeJS.ErrnoException): Promise<string> {
  const { address, port } = error as { address?: string; port?: number }
  const where = address?.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  switch (error.code) {
    case 'EADDRINUSE': {
      const holder = port === undefined ? undefined : await portHolder(port).catch(() => undefined)
      const who = holder ? `process ${holder.pid} (${holder.command})` : 'another program'
      return `The address ${where} is taken by ${who}. Stop it, or choose another address for this program.`
    }
    case 'EACCES':
      return `This user may not listen on ${where}. Choose a port above 1023.`
    case 'EADDRNOTAVAIL':
      return `This machine does not have the address ${where}. Use 127.0.0.1, 0.0.0.0 or an address of this machine.`
    default:
      return `Could not listen on ${where}: ${error.message}.`
  }
}

/** For entry points: a ConfigurationError ends the process with status 2 and its message on standard error. */
export function loadConfigOrExit<T>(load: () => T): T {
  try {
    return load()
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}
