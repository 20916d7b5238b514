import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { BrokerError, type BrokerErrorCode } from '../../broker.js'
import type { NatsLocation } from './location.js'

// https://github.com/nats-io/nats-server/blob/main/server/errors.json
const notEnabled = [10039, 10076]
const noSpace = [10023, 10028, 10047, 10077]
const headersTooLarge = [10097]
const tooLarge = [10054, ...headersTooLarge]
const notFound = [10014, 10059]
const noPeers = 10005
const notClustered = 10074
const beingStored = 10158
const wrongLastSequence = [10071, 10164]
const certificate = /certificate|self[- ]signed|wrong version number|altnames|SSL|TLS|'tls'/i

/** The library's messages for a file named by `nkey` or `creds`; they are thrown before anything is sent. */
const badCredentials = /^nkeys: |unable to parse credentials/

/** The error inside of a request's error. */
function rootOf(error: unknown): Error {
  const inner = error instanceof errors.RequestError ? error.cause : undefined
  return inner instanceof Error ? inner : (error as Error)
}

const apiCode = (error: unknown) => (error instanceof JetStreamApiError ? error.code : undefined)

const has = (codes: readonly number[], error: unknown) => codes.includes(apiCode(error) ?? 0)

/** The entry was changed by another client since it was read. */
export const isConflict = (error: unknown) => has(wrongLastSequence, error)

/** The topic's stream, or a consumer of it, does not exist. */
export const isNotFound = (error: unknown) => has(notFound, error)

/** More than one replica was asked for, and the server is not in a cluster. */
export const isNotClustered = (error: unknown) => has([notClustered], error)

const isNotEnabled = (error: unknown) =>
  // The library does not export its class.
  (error as Error).name === 'JetStreamNotEnabled' || has(notEnabled, error)

/** A server has answered: it may have lost the stream, or no server may have it. */
export function isAnswer(error: unknown): boolean {
  const root = rootOf(error)
  return (
    root instanceof JetStreamApiError ||
    root instanceof errors.NoRespondersError ||
    isNotEnabled(root)
  )
}

/** The same call may succeed if it is repeated soon. */
export function isRetryable(error: unknown): boolean {
  const root = rootOf(error)
  if (has(noSpace, root)) return false
  // A server that has just started says so too.
  if (isNotEnabled(root) || isNotFound(root) || has([noPeers, beingStored], root)) return true
  const status = root instanceof JetStreamApiError ? root.status : undefined
  return status === 503 || codeOf(root) === 'BROKER_UNREACHABLE'
}

/** `what` names what failed: `cannot publish to notifications`. A BrokerError is returned unchanged. */
export function asNatsError(what: string, error: unknown, location: NatsLocation): BrokerError {
  if (error instanceof BrokerError) return error
  const root = rootOf(error)
  const code = codeOf(root)
  const text = `${what.charAt(0).toUpperCase()}${what.slice(1)}: ${explain(code, root, location)}`
  return new BrokerError(code, text, { cause: error })
}

function codeOf(root: Error): BrokerErrorCode {
  if (
    badCredentials.test(root.message) ||
    root instanceof errors.AuthorizationError ||
    root instanceof errors.UserAuthenticationExpiredError
  )
    return 'BROKER_AUTHENTICATION'
  if (root instanceof errors.PermissionViolationError) return 'BROKER_NOT_ALLOWED'
  if (has(tooLarge, root)) return 'BROKER_MESSAGE_TOO_LARGE'
  const isTransport =
    root instanceof errors.TimeoutError ||
    root instanceof errors.ConnectionError ||
    root instanceof errors.ClosedConnectionError ||
    root instanceof errors.DrainingConnectionError ||
    root instanceof errors.NoRespondersError ||
    root instanceof errors.ProtocolError ||
    // Of a connection that was closed meanwhile.
    root instanceof errors.RequestError ||
    // The code of a system error (ECONNRESET) is a string.
    typeof (root as NodeJS.ErrnoException).code === 'string' ||
    certificate.test(root.message)
  return isTransport ? 'BROKER_UNREACHABLE' : 'BROKER_FAILED'
}

function explain(code: BrokerErrorCode, root: Error, location: NatsLocation): string {
  const at = location.servers.join(', ')
  const { login } = location
  const user = login?.kind === 'password' ? `as ${login.user}` : `with ${login?.kind ?? 'no login'}`
  switch (code) {
    case 'BROKER_AUTHENTICATION':
      if (badCredentials.test(root.message)) {
        return `the file named as ${login?.kind ?? 'creds'} in the broker's URL is not valid (${root.message}). Name the file that nsc or nk wrote.`
      }
      return `NATS at ${at} refuses the login ${user} (${root.message}). Check user, password, token or credentials file in the broker's URL.`
    case 'BROKER_NOT_ALLOWED':
      return `NATS at ${at} does not allow it ${user} (${root.message}). Ask its administrator for that permission; docs/nats.md lists all that are needed.`
    case 'BROKER_MESSAGE_TOO_LARGE':
      if (has(headersTooLarge, root)) {
        return 'the headers have more than 64 kB, the most that NATS stores. Send less in headers.'
      }
      return `the message is larger than its stream accepts. Send less, or raise max_msg_size of the stream.`
    case 'BROKER_UNREACHABLE':
      if (certificate.test(root.message)) {
        return `no TLS connection to NATS at ${at} (${root.message}). Check tls:// and ca in the broker's URL.`
      }
      if (root instanceof errors.TimeoutError) {
        return `NATS at ${at} does not answer (${root.message}). Is the address right? Its log may say why, for example that its disk is full.`
      }
      return `NATS at ${at} cannot be reached (${root.message}). Is it running, and is the address right?`
    default:
      if (has(noSpace, root)) {
        return `NATS at ${at} has no space left for it (${root.message}). Free up disk space, or raise max_file_store or the account's storage limit.`
      }
      if (has([noPeers, notClustered], root)) {
        return `NATS at ${at} has too few servers for the topic's replicas (${root.message}). Start more servers, or set replicas in the broker's URL.`
      }
      if (isNotEnabled(root)) {
        return `JetStream is not enabled on NATS at ${at}. Start nats-server with -js, or add jetstream {} to its configuration; an account needs it too.`
      }
      return `NATS answers: ${root.message}`
  }
}
