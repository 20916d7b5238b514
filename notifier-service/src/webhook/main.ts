#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runProgram } from '@herald/runtime'
import { nameOfLedger } from '../ledger/ledger-location.js'
import { startSubscriber } from '../subscriber.js'
import { loadConfig } from './config.js'
import { createWebhookChannel } from './webhook-channel.js'

const config = loadConfigOrExit(() => loadConfig(process.env))
const logger = createLogger('webhook', config.logLevel)
const messages = {
  began: 'the webhook is out of service: events wait',
  lasts: 'the webhook is still out of service',
  ended: 'the webhook answers again',
}

await runProgram({ logger }, async (lifecycle) => {
  const openChannel = () => createWebhookChannel(config)
  const { probesUrl } = await startSubscriber(config, { openChannel, logger, lifecycle, messages })
  const { topic, group } = config
  logger.info({ topic, group, ledger: nameOfLedger(config.ledger), probes: probesUrl }, 'ready')
})
