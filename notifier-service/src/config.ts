import { join } from 'node:path'
import {
  address,
  ConfigurationError,
  duration,
  integer,
  loadEnv,
  logLevel,
  oneOf,
  restricted,
  text,
  variable,
} from '@herald/runtime'
import { dataFolder, defaultBroker } from '@herald/runtime/data-folder'
import { ledgerUrl } from './ledger/ledger-location.js'
import type { SmtpOAuth2 } from './smtp/open-connection.js'
import { parseSmtpUrl, type SmtpServer, smtpUrlForm } from './smtp/smtp-url.js'

export type NotifierConfig = ReturnType<typeof loadConfig>

/** A mailbox with or without a name; ASCII, because not every server accepts more in an envelope. */
const withName =
  /^(?:[^<>\p{Cc}]+ <[\x21-\x3b\x3f\x41-\x7e=]+@[A-Za-z0-9.-]+>|[\x21-\x3b\x3f\x41-\x7e=]+@[A-Za-z0-9.-]+)$/u

const addressAlone = /^[^\s<>@\p{Cc}]+@[^\s<>@\p{Cc}]+$/u

const languageTag = text(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, {
  fallback: 'en',
  form: 'a language tag such as en, ru or zh',
})

const smtpServer = variable(parseSmtpUrl, {
  fallback: 'smtp://localhost:1025',
  form: smtpUrlForm,
  shownParameters: ['tls'],
})

/** RFC 5321 §4.1.1.1: a name, or an address in brackets. */
const ehloName = text(
  /^(?=.{1,255}$)(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f.:IPv]+\])$/,
  {
    optional: true,
    form: 'a host name such as mail.example.com, or an address such as [192.0.2.1]',
  },
)

const tokenUrl = text(/^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/])\S+$/, {
  optional: true,
  form: 'a URL such as https://oauth2.example.com/token',
})

const oauth2Secret = text(/^\S+$/, { optional: true, secret: true, form: 'text without blanks' })

const smtpTimeout = restricted(
  duration('2m'),
  (ms) => ms >= 1000 && ms <= 3_600_000,
  'a duration from 1s to 1h',
)

/** Herald's topics keep events for a week; an event that is redelivered after its record was dropped is sent again. */
export const retention = restricted(
  duration('30d'),
  (ms) => ms >= 7 * 86_400_000,
  'a duration of at least 7d, for as long as the topic keeps its events',
)

/** Throws ConfigurationError if the variables of the login contradict each other. */
function loginOf(
  { user, password }: SmtpServer,
  oauth2: { readonly [K in keyof SmtpOAuth2]: string | undefined },
): SmtpOAuth2 | undefined {
  const { tokenUrl, clientId, clientSecret, refreshToken } = oauth2
  if (tokenUrl && clientId && clientSecret && refreshToken) {
    if (user !== undefined && password === undefined) {
      return Object.freeze({ tokenUrl, clientId, clientSecret, refreshToken })
    }
    throw new ConfigurationError([
      'Invalid HERALD_SMTP: with HERALD_SMTP_OAUTH2_… expected a user and no password.',
    ])
  }
  if (tokenUrl || clientId || clientSecret || refreshToken) {
    const names = 'TOKEN_URL, CLIENT_ID, CLIENT_SECRET and REFRESH_TOKEN'
    throw new ConfigurationError([`Invalid HERALD_SMTP_OAUTH2_…: expected all of ${names}.`])
  }
  if (user === undefined || password !== undefined) return undefined
  throw new ConfigurationError([
    'Invalid HERALD_SMTP: expected a password for its user, or HERALD_SMTP_OAUTH2_….',
  ])
}

/** Throws ConfigurationError, which names every error. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>) {
  const read = loadEnv(
    {
      HERALD_BROKER: text(/\S/, {
        fallback: defaultBroker(env),
        form: 'a URL such as kafka://host:9092',
      }),
      HERALD_TOPIC: text(/\S/, { fallback: 'notifications', form: 'the name of a topic' }),
      HERALD_GROUP: text(/\S/, { fallback: 'notifier', form: 'the name of a consumer group' }),
      HERALD_SMTP: smtpServer,
      HERALD_SMTP_EHLO: ehloName,
      HERALD_SMTP_OAUTH2_TOKEN_URL: tokenUrl,
      HERALD_SMTP_OAUTH2_CLIENT_ID: oauth2Secret,
      HERALD_SMTP_OAUTH2_CLIENT_SECRET: oauth2Secret,
      HERALD_SMTP_OAUTH2_REFRESH_TOKEN: oauth2Secret,
      HERALD_SMTP_CONNECTIONS: integer(4, 1, 100),
      HERALD_SMTP_TIMEOUT: smtpTimeout,
      HERALD_PARK_FOR: duration('1m'),
      HERALD_DIGEST: oneOf(['on', 'off'], 'on'),
      HERALD_DIGEST_QUIET: duration('5s'),
      HERALD_DIGEST_MAX: duration('1m'),
      HERALD_DIGEST_LATEST: duration('15m'),
      HERALD_MAIL_FROM: text(withName, {
        fallback: 'Herald <herald@localhost>',
        form: 'Name <you@example.com>',
      }),
      HERALD_MAIL_TO: text(addressAlone, { fallback: 'you@localhost', form: 'you@example.com' }),
      HERALD_LANGUAGE: languageTag,
      HERALD_TEMPLATES: text(/\S/, { optional: true, form: 'a folder' }),
      HERALD_MAIL_ATTEMPTS: integer(50, 1, 1_000_000),
      HERALD_MAIL_MAX_AGE: duration('2d'),
      HERALD_ON_UNKNOWN: oneOf(['prefer-duplicate', 'prefer-loss'], 'prefer-duplicate'),
      HERALD_UNKNOWN_RESENDS: integer(2, 0, 1000),
      HERALD_DATA: text(/\S/, { fallback: dataFolder(env), form: 'a folder' }),
      HERALD_LEDGER: ledgerUrl('mail'),
      HERALD_LEDGER_RETENTION: retention,
      HERALD_NOTIFIER_PROBES: address('127.0.0.1:9102'),
      HERALD_LOG_LEVEL: logLevel(),
    },
    env,
  )
  return Object.freeze({
    broker: read.HERALD_BROKER,
    topic: read.HERALD_TOPIC,
    group: read.HERALD_GROUP,
    smtp: read.HERALD_SMTP,
    ehloName: read.HERALD_SMTP_EHLO,
    oauth2: loginOf(read.HERALD_SMTP, {
      tokenUrl: read.HERALD_SMTP_OAUTH2_TOKEN_URL,
      clientId: read.HERALD_SMTP_OAUTH2_CLIENT_ID,
      clientSecret: read.HERALD_SMTP_OAUTH2_CLIENT_SECRET,
      refreshToken: read.HERALD_SMTP_OAUTH2_REFRESH_TOKEN,
    }),
    smtpConnections: read.HERALD_SMTP_CONNECTIONS,
    smtpTimeoutMs: read.HERALD_SMTP_TIMEOUT,
    maxReplyMs: read.HERALD_SMTP_TIMEOUT,
    parkForMs: read.HERALD_PARK_FOR,
    digests: read.HERALD_DIGEST === 'on',
    digestRule: Object.freeze({
      quietMs: read.HERALD_DIGEST_QUIET,
      maxMs: read.HERALD_DIGEST_MAX,
      latestMs: read.HERALD_DIGEST_LATEST,
      maxEvents: 500,
      maxBytes: 16 * 1024 ** 2,
    }),
    mailFrom: read.HERALD_MAIL_FROM,
    mailTo: read.HERALD_MAIL_TO,
    language: read.HERALD_LANGUAGE,
    templates: read.HERALD_TEMPLATES,
    maxAttempts: read.HERALD_MAIL_ATTEMPTS,
    maxAgeMs: read.HERALD_MAIL_MAX_AGE,
    onUnknown: read.HERALD_ON_UNKNOWN,
    maxResends: read.HERALD_UNKNOWN_RESENDS,
    ledger: read.HERALD_LEDGER ?? { directory: join(read.HERALD_DATA, 'ledger') },
    ledgerRetentionMs: read.HERALD_LEDGER_RETENTION,
    probes: read.HERALD_NOTIFIER_PROBES,
    logLevel: read.HERALD_LOG_LEVEL,
  })
}
