import { BrokerError, type BrokerErrorCode } from '../../broker.js'
import type { KafkaLocation } from './location.js'

/** What is used of kafkajs' errors. `type` is Kafka's own name of the error. */
interface KafkaError extends Error {
  readonly type?: string
  readonly retriable?: boolean
  readonly code?: unknown
  readonly errors?: readonly Error[]
}

const notAllowed = /_AUTHORIZATION_FAILED$/
const tooLarge = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']
const certificate = /certificate|self[- ]signed|wrong version number|altnames|SSL|TLS/i

/** The innermost error of kafkajs' wrappers: the one that names the cause. */
export function rootOf(error: unknown): KafkaError {
  let root = error as KafkaError
  for (let depth = 0; depth < 10; depth += 1) {
    const inner = (root.errors?.[0] ?? root.cause) as KafkaError | undefined
    if (!(inner instanceof Error)) break
    root = inner
  }
  return root
}

/** The same call may succeed if it is repeated. */
export function isRetryable(error: unknown): boolean {
  return codeOf(rootOf(error)) === 'BROKER_UNREACHABLE'
}

/** `what` names what failed: `cannot publish to notifications`. A BrokerError is returned unchanged. */
export function asKafkaError(what: string, error: unknown, location: KafkaLocation): BrokerError {
  if (error instanceof BrokerError) return error
  const root = rootOf(error)
  const code = codeOf(root)
  return new BrokerError(code, `${capitalized(what)}: ${explain(code, root, location)}`, {
    cause: error,
  })
}

function codeOf(root: KafkaError): BrokerErrorCode {
  const { name, type = '' } = root
  if (name === 'KafkaJSSASLAuthenticationError' || type.includes('SASL'))
    return 'BROKER_AUTHENTICATION'
  if (notAllowed.test(type)) return 'BROKER_NOT_ALLOWED'
  if (tooLarge.includes(type)) return 'BROKER_MESSAGE_TOO_LARGE'
  if (type === 'INVALID_TOPIC_EXCEPTION') return 'BROKER_INVALID_MESSAGE'
  // Our own errors (TypeError, …) and explicit refusals are final.
  const retryable =
    (name.startsWith('KafkaJS') && (root.retriable !== false || /Timeout|NotFound/.test(name))) ||
    // Thrown as a plain Error if a connection was lost between two steps.
    root.message === 'Broker not connected'
  // The code of a system error (ECONNRESET) is a string.
  return retryable || typeof root.code === 'string' ? 'BROKER_UNREACHABLE' : 'BROKER_FAILED'
}

function explain(code: BrokerErrorCode, root: KafkaError, location: KafkaLocation): string {
  const at = location.brokers.join(', ')
  const user = location.sasl === undefined ? 'without a user' : `as ${location.sasl.username}`
  switch (code) {
    case 'BROKER_AUTHENTICATION':
      return `Kafka at ${at} refuses the login ${user}. Check user, password and the sasl mechanism in the broker's URL.`
    case 'BROKER_NOT_ALLOWED':
      return `Kafka at ${at} does not allow it ${user} (${root.type}). Ask its administrator for an ACL.`
    case 'BROKER_MESSAGE_TOO_LARGE':
      return `the message is larger than Kafka accepts. Send less, or raise max.message.bytes of the topic.`
    case 'BROKER_INVALID_MESSAGE':
      return `Kafka refuses the topic's name.`
    case 'BROKER_UNREACHABLE':
      if (certificate.test(root.message)) {
        return `no TLS connection to Kafka at ${at} (${root.message}). Check ssl and ca in the broker's URL.`
      }
      return `Kafka at ${at} cannot be reached or is not ready (${root.message}). Is it running, and is the address right? A broker that requires a password or TLS closes connections that come without.`
    default:
      if (root.type === 'INVALID_TIMESTAMP') {
        return `Kafka at ${at} refuses the time that this machine gives its messages (${new Date().toISOString()}). Set this machine's clock, or message.timestamp.type=LogAppendTime for the topic.`
      }
      return `Kafka answers: ${root.message}`
  }
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
