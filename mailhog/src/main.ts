#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runProgram } from '@herald/runtime'
import { loadConfig } from './config.js'
import { openInbox } from './inbox.js'

const config = loadConfigOrExit(() => loadConfig(process.env))
const logger = createLogger('inbox', config.logLevel)

await runProgram({ logger }, async (lifecycle) => {
  const inbox = await openInbox(config)
  lifecycle.defer('inbox', () => inbox.close())
  logger.info({ smtp: inbox.smtpUrl, web: inbox.webUrl }, 'ready')
})
