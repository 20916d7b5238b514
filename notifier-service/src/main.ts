#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runProgram } from '@herald/runtime'
import { loadConfig } from './config.js'
import { nameOfLedger } from './ledger/ledger-location.js'
import { startNotifier } from './notifier.js'

const config = loadConfigOrExit(() => loadConfig(process.env))
const logger = createLogger('notifier', config.logLevel)

await runProgram({ logger }, async (lifecycle) => {
  const { probesUrl } = await startNotifier(config, { logger, lifecycle })
  const { topic, group } = config
  logger.info({ topic, group, ledger: nameOfLedger(config.ledger), probes: probesUrl }, 'ready')
})
