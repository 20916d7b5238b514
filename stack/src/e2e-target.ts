import { withoutUrlSecrets } from '@herald/runtime'
import { dataFolder, defaultBroker } from '@herald/runtime/data-folder'
import { findStack } from './find-stack.js'
import { ownMailTo } from './own-stack.js'

/** What the end-to-end tests run against: addresses only, no internals. */
export interface Target {
  readonly converter: string
  readonly broker: string
  readonly topic: string
  /** The web inbox, MailDev's or MailHog's. */
  readonly inbox: string
  /** The notifier's default recipient. */
  readonly mailTo: string
  /** For a person. */
  readonly description: string
  close(): Promise<void>
}

/**
 * The addresses in HERALD_CONVERTER, HERALD_BROKER and HERALD_INBOX if the first or the last is set; else
 * the stack that `npm start` runs; else a stack of its own, on the server in HERALD_BROKER if there is one.
 * Rejects with StackError.
 */
export async function findTarget(env: NodeJS.ProcessEnv): Promise<Target> {
  const mailTo = env['HERALD_MAIL_TO'] || 'you@localhost'
  if (env['HERALD_CONVERTER'] || env['HERALD_INBOX']) {
    const converter = env['HERALD_CONVERTER'] || 'localhost:50051'
    const broker = env['HERALD_BROKER'] || defaultBroker(env)
    const inbox = env['HERALD_INBOX'] || 'http://localhost:8025'
    const topic = env['HERALD_TOPIC'] || 'notifications'
    const description = `converter ${converter}, broker ${withoutUrlSecrets(broker)}, inbox ${inbox}`
    return { converter, broker, inbox, topic, mailTo, description, close: async () => {} }
  }
  const { addresses, description, own } = await findStack(env, {
    data: dataFolder(env),
    onlyOwn: false,
    signal: new AbortController().signal,
  })
  return {
    ...addresses,
    mailTo: own ? ownMailTo : mailTo,
    description: `a stack: ${description}`,
    close: async () => own?.stop(),
  }
}
