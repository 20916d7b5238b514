import type { Lifecycle, Logger } from '@herald/runtime'
import type { NotifierConfig } from './config.js'
import { createMailWriter } from './mail/mail-writer.js'
import { loadTemplates } from './mail/templates.js'
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
    const writer = createMailWriter(loadTemplates(config.templates), config.language)
    const sender = createSmtpSender({
      server: config.smtp,
      ehloName: config.ehloName,
      oauth2: config.oauth2,
      connections: config.smtpConnections,
      timeoutMs: config.smtpTimeoutMs,
      logger,
    })
    return createMailChannel(config, { writer, sender })
  }
  const { smtpConnections: connections } = config
  return startSubscriber({ ...config, connections }, { openChannel, logger, lifecycle })
}
