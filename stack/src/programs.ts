import { fileURLToPath } from 'node:url'
import type { StackConfig } from './config.js'
import type { ProgramSpec } from './program.js'

/** A program of the stack and the addresses it will listen on. */
export interface PlannedProgram extends ProgramSpec {
  readonly listens: readonly { readonly variable: string; readonly address: string }[]
}

export interface PlannedPrograms {
  /** Undefined if an external mail server is configured. */
  readonly inbox: PlannedProgram | undefined
  readonly converter: PlannedProgram
  /** It calls the converter at `converter`, `host:port`. */
  web(converter: string): PlannedProgram
  /** Undefined if there is no webhook. */
  readonly webhook: PlannedProgram | undefined
  /** The mail goes to `smtpUrl`, which our inbox reports when it listens. */
  notifier(smtpUrl: string): PlannedProgram
}

/**
 * For the converter, here and in docker-compose.yml. Upload buffers are garbage at once, but V8
 * frees them only when the young generation is full. With the default of 16 MiB, full collections of
 * the heap come first; they were measured at a third of the service's processor time.
 */
export const converterFlags = ['--max-semi-space-size=1']

/** What `npm start` runs. */
export function planPrograms(config: StackConfig, env: NodeJS.ProcessEnv): PlannedPrograms {
  const plan = (
    name: string,
    room: string,
    addresses: Record<string, string>,
    more: Record<string, string> = {},
  ): PlannedProgram => ({
    name,
    // By path: the stack starts the services but does not import them.
    main: fileURLToPath(new URL(`../../../${room}/dist/src/main.js`, import.meta.url)),
    env: { ...env, ...addresses, ...more },
    listens: Object.entries(addresses).map(([variable, address]) => ({ variable, address })),
  })
  return {
    inbox:
      config.foreignSmtp === undefined
        ? plan('inbox', 'mailhog', {
            HERALD_INBOX_SMTP: config.inboxSmtp,
            HERALD_INBOX_WEB: config.inboxWeb,
          })
        : undefined,
    converter: {
      ...plan('converter', 'converter-service', {
        HERALD_CONVERTER_LISTEN: config.converterListen,
        HERALD_CONVERTER_PROBES: config.converterProbes,
      }),
      nodeFlags: converterFlags,
    },
    web: (converter) => ({
      ...plan(
        'web',
        'client',
        { HERALD_WEB_LISTEN: config.webListen, HERALD_WEB_PROBES: config.webProbes },
        { HERALD_CONVERTER: converter },
      ),
      main: fileURLToPath(new URL('../../../client/bin/herald.js', import.meta.url)),
      args: ['web'],
    }),
    webhook: config.webhookProbes
      ? {
          ...plan('webhook', 'notifier-service', { HERALD_WEBHOOK_PROBES: config.webhookProbes }),
          main: fileURLToPath(
            new URL('../../../notifier-service/dist/src/webhook/main.js', import.meta.url),
          ),
        }
      : undefined,
    notifier: (smtpUrl) =>
      plan(
        'notifier',
        'notifier-service',
        { HERALD_NOTIFIER_PROBES: config.notifierProbes },
        { HERALD_SMTP: smtpUrl },
      ),
  }
}
