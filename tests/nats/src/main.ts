import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dataFolder } from '@herald/runtime/data-folder'
import { findNats } from './find-nats.js'
import { startNats } from './start-nats.js'

// `npm run nats`: runs NATS with JetStream for development in the foreground, until Ctrl-C.
const print = (text: string) => process.stderr.write(`${text}\n`)

try {
  const defaultData = join(dataFolder(process.env), 'nats')
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '4222' },
      data: { type: 'string', default: defaultData },
    },
  })
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) < 1 || Number(values.port) > 65_535) {
    throw new Error(`--port ${values.port} is not a port: expected a number from 1 to 65535.`)
  }
  const stopping = new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve())
  })
  const newer = await findNats('2.15')
  const found = 'missing' in newer ? await findNats('2.9') : newer
  if ('missing' in found) throw new Error(found.missing)
  const { installation } = found
  const { data: folder } = values
  const nats = await startNats({ installation, folder, port: Number(values.port) })
  print(
    `NATS ${installation.version} is ready on localhost:${nats.port}; its data is in ${folder}.`,
  )
  print(`Use it with HERALD_BROKER=nats://localhost:${nats.port}. Ctrl-C stops it.`)
  await stopping
  print('Stopping NATS …')
  await nats.end()
  process.exit(0)
} catch (error) {
  print(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
