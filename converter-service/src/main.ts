import { parseArgs } from 'node:util'
import { runProgram } from '@herald/runtime/lifecycle'
import { createLogger } from '@herald/runtime/logger'
import { createProbesApp, type HttpListener, listenHttp } from '@herald/runtime/probes'
import { loadConfigOrExit } from '@herald/runtime/start-error'
import { createApp } from './app.js'
import { loadConfig } from './config.js'
import { enlargeUploadWindows } from './grpc/flow-control.js'
import { loadConfig as loadWorkerConfig } from './jobs/config.js'
import { createWorkerApp } from './jobs/worker-app.js'

const isWorker = readArguments()
const config = loadConfigOrExit(() => loadConfig(process.env))
const worker = isWorker ? loadConfigOrExit(() => loadWorkerConfig(process.env)) : undefined
const logger = createLogger(isWorker ? 'worker' : 'converter', config.logLevel)
enlargeUploadWindows()

// A stop lets conversions under way finish: their time limit, and some for the transfer.
await runProgram({ logger, deadlineMs: config.timeoutMs + 10_000 }, async (lifecycle) => {
  let probes: HttpListener | undefined
  // Closed last: they answer that the program is stopping while conversions finish.
  lifecycle.defer('probes', () => probes?.close())
  if (worker) {
    const app = await createWorkerApp(config, worker, { lifecycle, logger })
    probes = await listenHttp(createProbesApp(app), config.probes)
    logger.info({ topic: worker.jobsTopic, probes: probes.url }, 'ready')
    return
  }
  const app = await createApp(config, { lifecycle, logger })
  probes = await listenHttp(createProbesApp(app), config.probes)
  const port = await app.listen(config.listen)
  logger.info({ listen: config.listen, port, probes: probes.url }, 'ready')
})

/** Whether it works on the queue instead of serving gRPC. */
function readArguments(): boolean {
  try {
    return parseArgs({ options: { worker: { type: 'boolean', default: false } } }).values.worker
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nThe only option is --worker.\n`)
    process.exit(2)
  }
}
