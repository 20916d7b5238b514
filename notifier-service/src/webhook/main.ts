#!/usr/bin/env node
import { createLogger, loadConfigOrExit, runProgram } from '@herald/runtime'
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
  logger.info({ topic: config.topic, group: config.group, probes: probesUrl }, 'ready')
})
