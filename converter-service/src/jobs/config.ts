import { blobParameters, blobUrlForm, parseBlobUrl } from '@herald/runtime/blobs'
import { defaultBlobs, defaultBroker } from '@herald/runtime/data-folder'
import { duration, loadEnv, restricted, text, variable } from '@herald/runtime/env'

/** What a worker on the queue needs besides the configuration of the converter. */
export interface WorkerConfig {
  /** The broker's URL. */
  readonly broker: string
  /** The topic for announcements. */
  readonly topic: string
  /** The topic of the commands. */
  readonly jobsTopic: string
  /** The URL of the blob store. */
  readonly blobs: string
  /** How long a job is kept after its end, in milliseconds. */
  readonly keepMs: number
}

const topic = (fallback: string) =>
  text(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,230}$/, {
    fallback,
    form: "a topic's name: letters, digits, dot, dash, underscore",
  })

/** Throws ConfigurationError with every error. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): WorkerConfig {
  const values = loadEnv(
    {
      HERALD_BROKER: text(/^[a-z][a-z0-9+.-]*:\S/, {
        fallback: defaultBroker(env),
        form: "a broker's URL such as embedded:/var/lib/herald/broker or kafka://host:9092",
      }),
      HERALD_TOPIC: topic('notifications'),
      HERALD_JOBS_TOPIC: topic('conversions'),
      HERALD_BLOBS: variable((given) => parseBlobUrl(given) && given, {
        fallback: defaultBlobs(env),
        form: blobUrlForm,
        shownParameters: blobParameters,
      }),
      HERALD_JOBS_KEEP: restricted(
        duration('7d'),
        (ms) => ms >= 60_000,
        'a duration of at least 1m',
      ),
    },
    env,
  )
  return Object.freeze({
    broker: values.HERALD_BROKER,
    topic: values.HERALD_TOPIC,
    jobsTopic: values.HERALD_JOBS_TOPIC,
    blobs: values.HERALD_BLOBS,
    keepMs: values.HERALD_JOBS_KEEP,
  })
}
