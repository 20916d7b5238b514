import { runProgram } from '@herald/runtime/lifecycle'
import { createLogger } from '@herald/runtime/logger'
import { createProbesApp, type HttpListener, listenHttp } from '@herald/runtime/probes'
import { loadConfigOrExit } from '@herald/runtime/start-error'
import { createApp } from './app.js'
import { loadConfig } from './config.js'
import { enlargeUploadWindows } from './grpc/flow-control.js'

const config = loadConfigOrExit(() => loadConfig(process.env))
const logger = createLogger('converter', config.logLevel)
enlargeUploadWindows()

// A stop lets conversions under way finish: their time limit, and some for the transfer.
await runProgram({ logger, deadlineMs: config.timeoutMs + 10_000 }, async (lifecycle) => {
  let probes: HttpListener | undefined
  // Closed last: they answer that the program is stopping while conversions finish.
  lifecycle.defer('probes', () => probes?.close())
  const app = await createApp(config, { lifecycle, logger })
  probes = await listenHttp(createProbesApp(app), config.probes)
  const port = await app.listen(config.listen)
  logger.info({ listen: config.listen, port, probes: probes.url }, 'ready')
})
