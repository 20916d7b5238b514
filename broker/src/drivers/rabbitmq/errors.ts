import { BrokerError, type BrokerErrorCode } from '../../broker.js'
import { hostNames, type RabbitmqLocation } from './location.js'

/** What is used of amqplib's errors. `code` is AMQP's reply code, or a system error's name. */
interface AmqpError extends Error {
  readonly code?: unknown
}

const certificate = /certificate|self[- ]signed|wrong version number|altnames|SSL|TLS/i

/** The same call may succeed if it is repeated. */
export const isRetryable = (error: unknown) => codeOf(error as AmqpError) === 'BROKER_UNREACHABLE'

/** The queue does not exist; not: its node is down, or is still starting. */
export const isNotFound = (error: unknown) =>
  (error as AmqpError).code === 404 && /no queue/.test((error as AmqpError).message)

/** The queue exists, with other arguments. */
export const isPreconditionFailed = (error: unknown) => (error as AmqpError).code === 406

/** `what` names what failed: `cannot publish to notifications`. A BrokerError is returned unchanged. */
export function asRabbitmqError(
  what: string,
  error: unknown,
  location: RabbitmqLocation,
): BrokerError {
  if (error instanceof BrokerError) return error
  const code = codeOf(error as AmqpError)
  const why = explain(code, error as AmqpError, location)
  return new BrokerError(code, `${what.charAt(0).toUpperCase()}${what.slice(1)}: ${why}`, {
    cause: error,
  })
}

function codeOf(error: AmqpError): BrokerErrorCode {
  if (error instanceof BrokerError) return error.code
  const { code, message = '' } = error
  // The handshake's errors have the reply code in their text only.
  if (code === 403 || /\b403 \(ACCESS[-_]REFUSED\)/.test(message)) {
    return /Handshake|LOGIN|login/.test(message) ? 'BROKER_AUTHENTICATION' : 'BROKER_NOT_ALLOWED'
  }
  if (code === 530 || /\b530 \(NOT[-_]ALLOWED\)/.test(message)) return 'BROKER_NOT_ALLOWED'
  // RabbitMQ's limit max_message_size.
  if (/larger than configured max size/.test(message)) return 'BROKER_MESSAGE_TOO_LARGE'
  if (code === 406 || code === 540 || code === 503) return 'BROKER_FAILED'
  const isOurs = error instanceof TypeError || error instanceof RangeError
  return isOurs ? 'BROKER_FAILED' : 'BROKER_UNREACHABLE'
}

function explain(code: BrokerErrorCode, { message }: AmqpError, location: RabbitmqLocation) {
  const at = `RabbitMQ at ${hostNames(location)}`
  const { username, vhost } = location
  switch (code) {
    case 'BROKER_AUTHENTICATION':
      return `${at} refuses the login as ${username}. Check user and password in the broker's URL; guest may log in from the server's own machine only.`
    case 'BROKER_NOT_ALLOWED':
      return `${at} does not allow it as ${username} in the virtual host ${vhost} (${message}). Ask its administrator for the permission.`
    case 'BROKER_MESSAGE_TOO_LARGE':
      return 'the message is larger than RabbitMQ accepts. Send less, or raise max_message_size.'
    case 'BROKER_UNREACHABLE':
      // amqplib drops RabbitMQ's reason.
      if (/Expected ConnectionOpenOk/.test(message)) {
        return `${at} closes the connection to the virtual host ${vhost}. Does it exist, and may ${username} use it?`
      }
      if (certificate.test(message)) {
        return `no TLS connection to ${at} (${message}). Check amqps: and ca in the broker's URL.`
      }
      return `${at} cannot be reached or is not ready (${message}). Is it running, and is the address right? amqps: is for the TLS port, usually 5671.`
    default:
      return `RabbitMQ answers: ${message}`
  }
}
