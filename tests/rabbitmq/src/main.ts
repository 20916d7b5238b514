import { runServerConsole } from '@herald/runtime/test/server-console'
import { findNewestRabbitmq } from './find-rabbitmq.js'
import { startRabbitmq } from './start-rabbitmq.js'

// `npm run rabbitmq`: runs RabbitMQ for development in the foreground, until Ctrl-C.
const found = findNewestRabbitmq()
// RabbitMQ 4 refuses the data of 3.10.
const major = 'missing' in found ? '' : `-${found.installation.version.split('.')[0]}`
await runServerConsole(
  { name: 'RabbitMQ', command: 'rabbitmq', defaultPort: 5672, folder: `rabbitmq${major}` },
  async ({ port, data: folder }) => {
    if ('missing' in found) throw new Error(found.missing)
    const { installation } = found
    const rabbitmq = await startRabbitmq({ installation, folder, port })
    return {
      lines: [
        `RabbitMQ ${installation.version} is ready on localhost:${port}.`,
        `Its data is in ${folder}.`,
        `Use it with HERALD_BROKER=amqp://localhost:${port}. Ctrl-C stops it.`,
      ],
      stop: () => rabbitmq.stop(),
    }
  },
)
