import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { blobParameters, blobUrlForm, parseBlobUrl } from '@herald/runtime/blobs'
import {
  address,
  bytes,
  ConfigurationError,
  duration,
  integer,
  loadEnv,
  logLevel,
  text,
  variable,
} from '@herald/runtime/env'
import {
  type PostgresTarget,
  parsePostgresUrl,
  postgresParameters,
  postgresUrlForm,
} from '@herald/runtime/postgres'
import { type ClientConfig, loadConfig as loadClientConfig } from '../config.js'

const variables = {
  HERALD_WEB_LISTEN: address('127.0.0.1:8080'),
  HERALD_WEB_PROBES: address('127.0.0.1:9103'),
  HERALD_WEB_URL: text(/^https?:\/\/[^\s/?#@]+\/?$/, {
    optional: true,
    form: 'the address people see, such as https://convert.example.com',
  }),
  HERALD_WEB_RECORDS: variable((given) => parsePostgresUrl(given, { schema: 'herald_web' }), {
    optional: true,
    form: postgresUrlForm,
    shownParameters: postgresParameters,
  }),
  HERALD_WEB_RESULTS: variable((given) => parseBlobUrl(given) && given, {
    optional: true,
    form: blobUrlForm,
    shownParameters: blobParameters,
  }),
  HERALD_WEB_KEEP: duration('24h'),
  HERALD_WEB_DISK: bytes('5G'),
  HERALD_WEB_RECIPIENTS: variable(
    (given) =>
      /^(\*|[a-z0-9.-]+(,[a-z0-9.-]+)*)$/i.test(given) ? given.toLowerCase().split(',') : undefined,
    { optional: true, form: 'domains such as example.com,example.org, or * for any' },
  ),
  HERALD_WEB_MAILS: integer(100, 1, 1_000_000),
  HERALD_WEB_FILES: integer(600, 1, 1_000_000),
  HERALD_WEB_PROXIES: integer(0, 0, 10),
  HERALD_LOG_LEVEL: logLevel(),
}

/** The web page's environment variables. */
export interface WebConfig extends Omit<ClientConfig, 'source'> {
  /** `host:port` it listens on. */
  readonly listen: string
  /** `host:port` of the probes. */
  readonly probes: string
  /** What links begin with, without a slash at the end; undefined: localhost and the port. */
  readonly url: string | undefined
  /** The database of the records, which other instances may use; undefined: a folder in `directory`. */
  readonly records: PostgresTarget | undefined
  /** The URL of the blob store that holds the results. */
  readonly results: string
  /** How long a conversion and its files are kept, in milliseconds. */
  readonly keepMs: number
  /** The largest size of all results together. */
  readonly maxDiskBytes: number
  /** Domains that may get e-mail, lower-case, `*` for any; undefined: any on loopback, else none. */
  readonly recipientDomains: readonly string[] | undefined
  /** Announcements for one address in an hour. */
  readonly mailsPerHour: number
  /** Files of one caller in an hour. */
  readonly filesPerHour: number
  /** Trusted proxies in front, whose X-Forwarded-For gives the caller's address. */
  readonly proxies: number
  readonly logLevel: string
  /** Holds results and records unless they are elsewhere, and files that are being received. Absolute. */
  readonly directory: string
}

/** Throws ConfigurationError with every error of one group of variables. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): WebConfig {
  const { source: _, ...client } = loadClientConfig(env)
  const values = loadEnv(variables, env)
  if (values.HERALD_WEB_RECORDS && !values.HERALD_WEB_RESULTS) {
    throw new ConfigurationError([
      `HERALD_WEB_RESULTS is missing: with records in PostgreSQL, every instance must be able to read the results. Expected ${blobUrlForm}.`,
    ])
  }
  const directory = resolve(join(client.outboxDirectory, '..', 'web'))
  return Object.freeze({
    ...client,
    listen: values.HERALD_WEB_LISTEN,
    probes: values.HERALD_WEB_PROBES,
    url: values.HERALD_WEB_URL?.replace(/\/$/, ''),
    records: values.HERALD_WEB_RECORDS,
    results: values.HERALD_WEB_RESULTS ?? pathToFileURL(join(directory, 'files')).href,
    keepMs: values.HERALD_WEB_KEEP,
    maxDiskBytes: values.HERALD_WEB_DISK,
    recipientDomains: values.HERALD_WEB_RECIPIENTS,
    mailsPerHour: values.HERALD_WEB_MAILS,
    filesPerHour: values.HERALD_WEB_FILES,
    proxies: values.HERALD_WEB_PROXIES,
    logLevel: values.HERALD_LOG_LEVEL,
    directory,
  })
}

/** Whether the address can be reached from this machine only. */
export function isLoopback(hostAndPort: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(hostAndPort)
}
