import { userInfo } from 'node:os'
import { join } from 'node:path'
import { blobParameters, blobUrlForm, parseBlobUrl } from '@herald/runtime/blobs'
import { dataFolder, defaultBlobs, defaultBroker } from '@herald/runtime/data-folder'
import { integer, loadEnv, text, variable } from '@herald/runtime/env'
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
  HERALD_BLOBS: variable((given) => parseBlobUrl(given) && given, {
    fallback: defaultBlobs(env),
    form: blobUrlForm,
    shownParameters: blobParameters,
  }),
  HERALD_JOBS_TOPIC: text(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,230}$/, {
    fallback: 'conversions',
    form: "a topic's name: letters, digits, dot, dash, underscore",
  }),
  HERALD_JOBS_WAITING: integer(10_000, 1, 1_000_000),
  HERALD_SUBMITTER: text(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/, {
    fallback: userName(),
    form: 'a name of letters, digits and . _ @ + -',
  }),
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
  /** The URL of the blob store with the jobs of the queue. */
  readonly blobs: string
  /** The topic of the commands of the queue. */
  readonly jobsTopic: string
  /** The most jobs of one submitter that have not ended. */
  readonly maxWaitingJobs: number
  /** Whose jobs those are that are submitted here. */
  readonly submitter: string
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
    blobs: values.HERALD_BLOBS,
    jobsTopic: values.HERALD_JOBS_TOPIC,
    maxWaitingJobs: values.HERALD_JOBS_WAITING,
    submitter: values.HERALD_SUBMITTER,
    outboxDirectory: join(dataFolder(env), 'outbox'),
    notifier: values.HERALD_NOTIFIER.replace(/\/$/, ''),
    source: values.HERALD_SOURCE,
    command: values.HERALD_COMMAND,
  })
}

/** In a container the user may have no name. */
function userName(): string {
  try {
    return (
      userInfo()
        .username.replace(/[^A-Za-z0-9._@+-]/g, '_')
        .replace(/^[^A-Za-z0-9]+/, '') || 'herald'
    )
  } catch {
    return 'herald'
  }
}
