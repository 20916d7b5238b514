import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dataFolder } from '@herald/runtime/data-folder'
import { findKafka } from './find-kafka.js'
import { startKafka } from './start-kafka.js'

// `npm run kafka`: runs Kafka for development in the foreground, until Ctrl-C.
const print = (text: string) => process.stderr.write(`${text}\n`)

try {
  const defaultData = join(dataFolder(process.env), 'kafka')
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '9092' },
      data: { type: 'string', default: defaultData },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    print(`Usage: npm run kafka [-- --port 9092 --data ${defaultData}]`)
    process.exit(0)
  }
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) < 1 || Number(values.port) > 65_534) {
    throw new Error(`--port ${values.port} is not a port: expected a number from 1 to 65534.`)
  }
  const stopping = new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(1))
        resolve()
      })
    }
  })
  const found = await findKafka(process.env, () =>
    print('Downloading Kafka with Maven, once (45 MB) …'),
  )
  if ('missing' in found) throw new Error(found.missing)
  const port = Number(values.port)
  const { installation } = found
  const kafka = await startKafka({ dataDirectory: values.data, port, installation })
  print(
    `Kafka ${installation.version} is ready on localhost:${port}; its data is in ${values.data}.`,
  )
  print(`Use it with HERALD_BROKER=kafka://localhost:${port}. Ctrl-C stops it.`)
  await stopping
  print('Stopping Kafka …')
  await kafka.stop()
  process.exit(0)
} catch (error) {
  print(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
