import { runServerConsole } from '@herald/runtime/test/server-console'
import { findKafka } from './find-kafka.js'
import { startKafka } from './start-kafka.js'

// `npm run kafka`: runs Kafka for development in the foreground, until Ctrl-C.
await runServerConsole(
  // The controller listens on the next port.
  { name: 'Kafka', command: 'kafka', defaultPort: 9092, maxPort: 65_534, folder: 'kafka' },
  async ({ port, data }) => {
    const found = await findKafka(process.env, () =>
      console.error('Downloading Kafka with Maven, once (45 MB) …'),
    )
    if ('missing' in found) throw new Error(found.missing)
    const { installation } = found
    const kafka = await startKafka({ dataDirectory: data, port, installation })
    return {
      lines: [
        `Kafka ${installation.version} is ready on localhost:${port}; its data is in ${data}.`,
        `Use it with HERALD_BROKER=kafka://localhost:${port}. Ctrl-C stops it.`,
      ],
      stop: () => kafka.stop(),
    }
  },
)
