import { dataFolder, defaultBroker } from '@herald/runtime/data-folder'
import { ownMailTo } from '../own-stack.js'
import { findPlace } from '../where.js'

/** What the end-to-end script is told: all of it addresses, nothing of the inside. */
export interface Target {
  readonly converter: string
  readonly broker: string
  readonly topic: string
  /** The web inbox, MailDev's or MailHog's. */
  readonly inbox: string
  /** Whom the notifier tells when nobody is named. */
  readonly mailTo: string
  /** For a person. */
  readonly description: string
  close(): Promise<void>
}

export interface TargetOptions {
  readonly own: boolean
  readonly converter?: string | undefined
  readonly broker?: string | undefined
  readonly inbox?: string | undefined
  readonly signal: AbortSignal
}

/**
 * Where to run: at the addresses given by option or environment, where one is; else at the stack
 * that `npm start` runs; else at one of our own.
 */
export async function findTarget(env: NodeJS.ProcessEnv, options: TargetOptions): Promise<Target> {
  const converter = options.converter ?? env['HERALD_CONVERTER']
  const broker = options.broker ?? env['HERALD_BROKER']
  const inbox = options.inbox ?? env['HERALD_INBOX']
  const topic = env['HERALD_TOPIC'] || 'notifications'
  const mailTo = env['HERALD_MAIL_TO'] || 'you@localhost'
  if (!options.own && (converter || broker || inbox)) {
    const given = {
      converter: converter || 'localhost:50051',
      broker: broker || defaultBroker(env),
      inbox: inbox || 'http://localhost:8025',
    }
    const description = `converter ${given.converter}, broker ${withoutPassword(given.broker)}, inbox ${given.inbox}`
    return { ...given, topic, mailTo, description, close: async () => {} }
  }
  const data = dataFolder(env)
  const place = await findPlace(env, { data, onlyOwn: options.own, signal: options.signal })
  const { addresses, description, own } = place
  return {
    ...addresses,
    mailTo: own ? ownMailTo : mailTo,
    description: `a stack: ${description}`,
    close: async () => own?.stop(),
  }
}

const withoutPassword = (url: string) => url.replace(/(:\/\/[^:/@\s]*:)[^@\s]*@/, '$1***@')
