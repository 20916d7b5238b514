import { StoreError, type StoreErrorCode } from '../store/store-error.js'
import { nameOf, type PostgresTarget } from './postgres-url.js'

/** A server that cannot be used: it is not a primary, or too old. */
export class UnusableServer extends Error {}

/** The statement may be repeated: it conflicted with another transaction. */
export function isConflict(error: unknown): boolean {
  return ['40001', '40P01'].includes(codeOf(error))
}

/** The connection or its server cannot be used any more: the primary has to be found again. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error)
  return /^(08|57P|25006|CONNECT|E[A-Z_]+$|ERR_)/.test(code) || error instanceof UnusableServer
}

/**
 * The error as a StoreError if it concerns the database or the way to it. Errors about the data of a
 * statement, and those of callers, are returned as they are.
 */
export function describePostgresError(error: unknown, target: PostgresTarget): unknown {
  if (error instanceof StoreError) return error
  const code = codeOf(error)
  const { message } = error as Error
  if (code === '' && !(error instanceof UnusableServer)) return error
  // Not of a right that is missing, or of tables that were dropped or that another version has changed.
  const isAboutData = /^(2[0-3]|42(?!501|P01|703)|0A|P0)/.test(code)
  if (isAboutData) return error
  const [kind, why] = reasonFor(code, message, target)
  const reason = kind === 'STORE_FAILED' && isLost(error) ? 'STORE_UNREACHABLE' : kind
  return new StoreError(reason, `PostgreSQL at ${nameOf(target)} ${why}`, { cause: error })
}

function reasonFor(
  code: string,
  message: string,
  { user, database, sslmode }: PostgresTarget,
): [StoreErrorCode, string] {
  const who = user === undefined ? 'the user' : `the user "${user}"`
  switch (code) {
    case '28P01':
    case '28000': {
      const correct = message.includes('pg_hba.conf')
        ? "Allow it in the server's pg_hba.conf, or correct the user, the database or sslmode."
        : 'Correct the user or the password.'
      return ['STORE_FAILED', `refused ${who}: ${message}. ${correct}`]
    }
    case '3D000':
      return ['STORE_FAILED', `has no database "${database}". Create it: createdb ${database}`]
    case '25006':
      return ['STORE_NOT_WRITABLE', 'accepts no writes. Name its primary, or promote a standby.']
    case '42501':
      return ['STORE_NOT_WRITABLE', `refused ${who}: ${message}. Grant that right.`]
    case '42P01':
    case '42703':
    case '3F000':
      return [
        'STORE_FAILED',
        `has other tables than this version of Herald uses: ${message}. Restore them, or use the version that wrote them. If the whole schema was dropped, a restart creates it.`,
      ]
    case '53100':
      return ['STORE_FULL', 'has a full disk. Free some space; earlier writes are safe.']
    case '53300':
      return ['STORE_FAILED', 'has no free connection. Raise max_connections, or close others.']
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return [
        'STORE_FAILED',
        `cannot be used: ${message} Use a host name that its certificate has.`,
      ]
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return [
        'STORE_FAILED',
        `has a certificate that is not trusted: ${message}. Name the certificate of its authority with sslrootcert=.`,
      ]
    default:
      // The driver goes on with TLS if the server has refused it, and the server then disconnects.
      if (/before secure TLS connection was established/.test(message)) {
        return [
          'STORE_FAILED',
          `disconnected before TLS was established. sslmode=${sslmode} needs TLS: enable it on the server (ssl = on).`,
        ]
      }
      return ['STORE_FAILED', `cannot be used: ${message}`]
  }
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}
