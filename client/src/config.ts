import { join } from 'node:path'
import { dataFolder, defaultBroker } from '@herald/runtime/data-folder'
import { loadEnv, text } from '@herald/runtime/env'
import { converterVariable } from './converter-target.js'

type Environment = Readonly<Record<string, string | undefined>>

const variables = (env: Environment) => ({
  HERALD_CONVERTER: converterVariable,
  HERALD_BROKER: text(/^[a-z][a-z0-9+.-]*:\S/, {
    fallback: defaultBroker(env),
    form: "a broker's URL such as embedded:/var/lib/herald/broker or kafka://host:9092",
  }),
  HERALD_TOPIC: text(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, {
    fallback: 'notifications',
    form: "a topic's name: letters, digits, dot, dash, underscore",
  }),
  HERALD_DATA: text(/\S/, { fallback: dataFolder(env), form: 'a folder' }),
  HERALD_NOTIFIER: text(/^https?:\/\/[^\s/?#]+\/?$/, {
    fallback: 'http://localhost:9102',
    form: "the notifier's address such as http://localhost:9102",
  }),
  HERALD_SOURCE: text(/^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/, {
    fallback: '/herald/cli',
    form: 'a URI reference',
  }),
  HERALD_COMMAND: text(/^[ -~]*[!-~][ -~]*$/, {
    fallback: 'herald',
    form: 'the command by which herald is called',
  }),
})

/** The CLI's environment variables. */
export interface ClientConfig {
  /** The converters: `host:port`, several with commas, or `dns:///name:port`. */
  readonly converter: string
  /** The broker's URL. */
  readonly broker: string
  /** The topic for announcements. */
  readonly topic: string
  /** The folder of the outbox. Absolute. */
  readonly outboxDirectory: string
  /** The notifier's API for the state of events: `http://host:port`. */
  readonly notifier: string
  /** `ce_source` of what is announced. */
  readonly source: string
  /** The command line of this program in hints: `herald`, or `docker compose run --rm herald`. */
  readonly command: string
}

/** Throws ConfigurationError with every error. */
export function loadConfig(env: Environment): ClientConfig {
  const values = loadEnv(variables(env), env)
  return Object.freeze({
    converter: values.HERALD_CONVERTER,
    broker: values.HERALD_BROKER,
    topic: values.HERALD_TOPIC,
    outboxDirectory: join(dataFolder(env), 'outbox'),
    notifier: values.HERALD_NOTIFIER.replace(/\/$/, ''),
    source: values.HERALD_SOURCE,
    command: values.HERALD_COMMAND,
  })
}
