import { join } from 'node:path'
import {
  address,
  duration,
  integer,
  loadEnv,
  logLevel,
  oneOf,
  text,
  variable,
} from '@herald/runtime'
import { dataFolder, defaultBroker } from '@herald/runtime/data-folder'
import { retention } from '../config.js'
import { ledgerUrl } from '../ledger/ledger-location.js'
import { parseSecrets, secretsForm } from './signature.js'

export type WebhookConfig = ReturnType<typeof loadConfig>

/** Its path or query may be a secret. */
const endpoint = variable(
  (given) => {
    const url = new URL(given)
    const isHttp = url.protocol === 'http:' || url.protocol === 'https:'
    return isHttp && url.username === '' && url.password === '' ? url : undefined
  },
  { form: 'http://host:port/path or https://host/path, without a user', secret: true },
)

const secrets = variable(parseSecrets, { form: secretsForm, secret: true })

/** Throws ConfigurationError, which names every error. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>) {
  const read = loadEnv(
    {
      HERALD_BROKER: text(/\S/, {
        fallback: defaultBroker(env),
        form: 'a URL such as kafka://host:9092',
      }),
      HERALD_TOPIC: text(/\S/, { fallback: 'notifications', form: 'the name of a topic' }),
      HERALD_DATA: text(/\S/, { fallback: dataFolder(env), form: 'a folder' }),
      HERALD_WEBHOOK_URL: endpoint,
      HERALD_WEBHOOK_SECRET: secrets,
      HERALD_WEBHOOK_GROUP: text(/\S/, {
        fallback: 'herald-webhook',
        form: 'the name of a consumer group',
      }),
      HERALD_WEBHOOK_CONNECTIONS: integer(4, 1, 100),
      HERALD_WEBHOOK_TIMEOUT: duration('15s'),
      HERALD_WEBHOOK_ATTEMPTS: integer(50, 1, 1_000_000),
      HERALD_WEBHOOK_MAX_AGE: duration('2d'),
      HERALD_WEBHOOK_PROBES: address('127.0.0.1:9104'),
      HERALD_PARK_FOR: duration('1m'),
      HERALD_ON_UNKNOWN: oneOf(['prefer-duplicate', 'prefer-loss'], 'prefer-duplicate'),
      HERALD_UNKNOWN_RESENDS: integer(2, 0, 1000),
      HERALD_LEDGER: ledgerUrl('webhook'),
      HERALD_LEDGER_RETENTION: retention,
      HERALD_LOG_LEVEL: logLevel(),
    },
    env,
  )
  return Object.freeze({
    broker: read.HERALD_BROKER,
    topic: read.HERALD_TOPIC,
    group: read.HERALD_WEBHOOK_GROUP,
    url: read.HERALD_WEBHOOK_URL,
    keys: read.HERALD_WEBHOOK_SECRET,
    connections: read.HERALD_WEBHOOK_CONNECTIONS,
    timeoutMs: read.HERALD_WEBHOOK_TIMEOUT,
    maxReplyMs: read.HERALD_WEBHOOK_TIMEOUT,
    parkForMs: read.HERALD_PARK_FOR,
    digests: false,
    maxAttempts: read.HERALD_WEBHOOK_ATTEMPTS,
    maxAgeMs: read.HERALD_WEBHOOK_MAX_AGE,
    onUnknown: read.HERALD_ON_UNKNOWN,
    maxResends: read.HERALD_UNKNOWN_RESENDS,
    ledger: read.HERALD_LEDGER ?? { directory: join(read.HERALD_DATA, 'webhook-ledger') },
    ledgerRetentionMs: read.HERALD_LEDGER_RETENTION,
    probes: read.HERALD_WEBHOOK_PROBES,
    logLevel: read.HERALD_LOG_LEVEL,
  })
}
