import type { Lifecycle, Logger } from '@herald/runtime'
import type { NotifierConfig } from './config.js'
import { openLetters } from './mail/letters.js'
import { createMailChannel } from './mail-channel.js'
import { createSmtpSender } from './smtp/smtp-sender.js'
import { startSubscriber } from './subscriber.js'

export interface NotifierParts {
  readonly logger: Logger
  readonly lifecycle: Lifecycle
}

/** Starts the notifier; closing it is deferred to `lifecycle`. Resolves to its probes' URL once it is subscribed to the topic. */
export async function startNotifier(
  config: NotifierConfig,
  { logger, lifecycle }: NotifierParts,
): Promise<{ probesUrl: string }> {
  const openChannel = () => {
    const letters = openLetters({
      templates: config.templates,
      language: config.language,
      archive: config.templateArchive,
    })
    const sender = createSmtpSender({
      server: config.smtp,
      ehloName: config.ehloName,
      oauth2: config.oauth2,
      connections: config.smtpConnections,
      timeoutMs: config.smtpTimeoutMs,
      logger,
    })
    return createMailChannel(config, { letters, sender })
  }
  const { smtpConnections: connections } = config
  return startSubscriber({ ...config, connections }, { openChannel, logger, lifecycle })
}
