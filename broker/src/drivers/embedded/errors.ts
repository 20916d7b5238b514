import { BrokerError } from '../../broker.js'

/** `what` names what failed: `cannot publish to notifications`. A BrokerError is returned unchanged. */
export function asEmbeddedError(what: string, error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const denied = code === 'STORE_NOT_WRITABLE' || code === 'EACCES' || code === 'EPERM'
  return new BrokerError(
    denied ? 'BROKER_NOT_ALLOWED' : 'BROKER_FAILED',
    `The embedded broker ${what}: ${message}`,
    { cause: error },
  )
}
