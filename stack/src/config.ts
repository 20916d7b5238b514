import { address, loadEnv, text } from '@herald/runtime'
import { dataFolder, defaultBroker } from '@herald/runtime/data-folder'

/** The addresses and folders of the stack. */
export type StackConfig = ReturnType<typeof loadConfig>

/**
 * Reads the addresses of the stack. A program listens on the address that its clients connect to,
 * unless its own is given. Throws ConfigurationError with every error.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>) {
  const clients = loadEnv({ HERALD_CONVERTER: address('localhost:50051') }, env)
  const read = loadEnv(
    {
      HERALD_CONVERTER_LISTEN: address(
        isHere(clients.HERALD_CONVERTER) ? loopback(clients.HERALD_CONVERTER) : '127.0.0.1:50051',
      ),
      HERALD_CONVERTER_PROBES: address('127.0.0.1:9101'),
      HERALD_NOTIFIER_PROBES: address('127.0.0.1:9102'),
      HERALD_WEB_LISTEN: address('127.0.0.1:8080'),
      HERALD_WEB_PROBES: address('127.0.0.1:9103'),
      HERALD_WEBHOOK_URL: text(/\S/, { optional: true, form: 'http://…', secret: true }),
      HERALD_WEBHOOK_PROBES: address('127.0.0.1:9104'),
      HERALD_INBOX_SMTP: address('127.0.0.1:1025'),
      HERALD_INBOX_WEB: address('127.0.0.1:8025'),
      HERALD_SMTP: text(/^smtps?:\/\/\S+$/, {
        optional: true,
        form: 'smtp://host:port',
        secret: true,
      }),
      HERALD_BROKER: text(/\S/, { fallback: defaultBroker(env), form: "a broker's URL" }),
      HERALD_TOPIC: text(/\S/, { fallback: 'notifications', form: "a topic's name" }),
      HERALD_DATA: text(/\S/, { fallback: dataFolder(env), form: 'a folder' }),
    },
    env,
  )
  return Object.freeze({
    /** `host:port` of the converter, for clients. */
    converter: env['HERALD_CONVERTER']
      ? clients.HERALD_CONVERTER
      : reachable(read.HERALD_CONVERTER_LISTEN),
    converterListen: read.HERALD_CONVERTER_LISTEN,
    converterProbes: read.HERALD_CONVERTER_PROBES,
    notifierProbes: read.HERALD_NOTIFIER_PROBES,
    webListen: read.HERALD_WEB_LISTEN,
    webProbes: read.HERALD_WEB_PROBES,
    /** Undefined if there is no webhook. */
    webhookProbes: read.HERALD_WEBHOOK_URL && read.HERALD_WEBHOOK_PROBES,
    inboxSmtp: read.HERALD_INBOX_SMTP,
    inboxWeb: read.HERALD_INBOX_WEB,
    /** An external mail server; undefined if the stack's inbox receives the mail. */
    foreignSmtp: isInbox(read.HERALD_SMTP, read.HERALD_INBOX_SMTP) ? undefined : read.HERALD_SMTP,
    broker: read.HERALD_BROKER,
    topic: read.HERALD_TOPIC,
    /** Absolute. */
    data: dataFolder(env),
  })
}

const isHere = (address: string) => /^(localhost|127\.[\d.]+|\[::1\]):/.test(address)

/** As a client on this machine connects to it. */
const reachable = (address: string) =>
  address.replace(/^(0\.0\.0\.0|127\.0\.0\.1|\[::1?\]):/, 'localhost:')

/** A program listens on an address of this machine, loopback by default. */
const loopback = (address: string) => address.replace(/^localhost:/, '127.0.0.1:')

function isInbox(smtp: string | undefined, inbox: string): boolean {
  if (smtp === undefined) return true
  return URL.canParse(smtp) && loopback(new URL(smtp).host) === loopback(inbox)
}
