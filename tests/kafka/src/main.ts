import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dataFolder } from '@herald/runtime/data-folder'
import { findKafka } from './find-kafka.js'
import { startKafka } from './start-kafka.js'

// `npm run kafka`: a Kafka for development in the foreground, until Ctrl-C.
const say = (text: string) => process.stderr.write(`${text}\n`)

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
    say(`Usage: npm run kafka [-- --port 9092 --data ${defaultData}]`)
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
    say('Fetching Kafka with Maven, this once (45 MB) …'),
  )
  if ('missing' in found) throw new Error(found.missing)
  const port = Number(values.port)
  const { installation } = found
  const kafka = await startKafka({ dataDirectory: values.data, port, installation })
  say(`Kafka ${installation.version} is ready on localhost:${port}; its data is in ${values.data}.`)
  say(`Use it with HERALD_BROKER=kafka://localhost:${port}. Ctrl-C stops it.`)
  await stopping
  say('Stopping Kafka …')
  await kafka.stop()
  process.exit(0)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
