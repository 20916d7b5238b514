import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dataFolder } from '@herald/runtime/data-folder'
import { findNewestRabbitmq } from './find-rabbitmq.js'
import { startRabbitmq } from './start-rabbitmq.js'

// `npm run rabbitmq`: runs RabbitMQ for development in the foreground, until Ctrl-C.
const print = (text: string) => process.stderr.write(`${text}\n`)

try {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '5672' },
      data: { type: 'string' },
    },
  })
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) < 1 || Number(values.port) > 65_535) {
    throw new Error(`--port ${values.port} is not a port: expected a number from 1 to 65535.`)
  }
  const stopping = new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve())
  })
  const found = findNewestRabbitmq()
  if ('missing' in found) throw new Error(found.missing)
  const { installation } = found
  // RabbitMQ 4 refuses the data of 3.10.
  const name = `rabbitmq-${installation.version.split('.')[0]}`
  const folder = values.data ?? join(dataFolder(process.env), name)
  const rabbitmq = await startRabbitmq({ installation, folder, port: Number(values.port) })
  print(`RabbitMQ ${installation.version} is ready on localhost:${rabbitmq.port}.`)
  print(`Its data is in ${folder}.`)
  print(`Use it with HERALD_BROKER=amqp://localhost:${rabbitmq.port}. Ctrl-C stops it.`)
  await stopping
  print('Stopping RabbitMQ …')
  await rabbitmq.stop()
  process.exit(0)
} catch (error) {
  print(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
