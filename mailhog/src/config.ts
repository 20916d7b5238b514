import { address, loadEnv, logLevel } from '@herald/runtime'

/** The inbox's addresses: loopback by default, since it shows mail to anyone. Throws ConfigurationError with every error. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>) {
  const read = loadEnv(
    {
      HERALD_INBOX_SMTP: address('127.0.0.1:1025'),
      HERALD_INBOX_WEB: address('127.0.0.1:8025'),
      HERALD_LOG_LEVEL: logLevel(),
    },
    env,
  )
  return Object.freeze({
    smtp: read.HERALD_INBOX_SMTP,
    web: read.HERALD_INBOX_WEB,
    logLevel: read.HERALD_LOG_LEVEL,
  })
}
