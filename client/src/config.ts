import { join, resolve } from 'node:path'
import { address, loadEnv, variable } from '@herald/runtime/env'
import { z } from 'zod'

const text = (pattern: RegExp, fallback: string, form: string) =>
  variable(z.string().regex(pattern).default(fallback), { form })

const variables = {
  HERALD_CONVERTER: address('localhost:50051'),
  HERALD_BROKER: text(
    /^[a-z][a-z0-9+.-]*:\S+$/,
    'embedded:./data/broker',
    "a broker's URL such as embedded:./data/broker or kafka://host:9092",
  ),
  HERALD_TOPIC: text(
    /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
    'notifications',
    "a topic's name: letters, digits, dot, dash, underscore",
  ),
  HERALD_DATA: text(/\S/, './data', 'a folder'),
  HERALD_NOTIFIER: text(
    /^https?:\/\/[^\s/?#]+\/?$/,
    'http://localhost:9102',
    "the notifier's address such as http://localhost:9102",
  ),
  HERALD_SOURCE: text(/^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/, '/herald/cli', 'a URI reference'),
}

/** What the CLI is told by its environment. */
export interface ClientConfig {
  /** `host:port` of the converter. */
  readonly converter: string
  /** The broker's URL. */
  readonly broker: string
  /** The topic that is announced on. */
  readonly topic: string
  /** The folder of the outbox. Absolute. */
  readonly outboxDirectory: string
  /** Where the notifier tells what became of an event: `http://host:port`. */
  readonly notifier: string
  /** `ce_source` of what is announced. */
  readonly source: string
}

/** Throws ConfigurationError naming every fault. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): ClientConfig {
  const values = loadEnv(variables, env)
  return Object.freeze({
    converter: values.HERALD_CONVERTER,
    broker: values.HERALD_BROKER,
    topic: values.HERALD_TOPIC,
    outboxDirectory: resolve(join(values.HERALD_DATA, 'outbox')),
    notifier: values.HERALD_NOTIFIER.replace(/\/$/, ''),
    source: values.HERALD_SOURCE,
  })
}
