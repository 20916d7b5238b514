import { runProgram } from '@herald/runtime/lifecycle'
import { createLogger } from '@herald/runtime/logger'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../web/config.js'
import { startWeb } from '../web/program.js'

/** A conversion under way may take its whole budget, and some for the transfer. */
const deadlineMs = 40_000

/** Serves the web page until it is stopped; the process then ends by itself. */
export async function webCommand({ env }: Pick<CommandContext, 'env'>): Promise<never> {
  const config = loadConfig(env)
  const logger = createLogger('web', config.logLevel)
  await runProgram({ logger, deadlineMs }, async (lifecycle) => {
    const { url, probes } = await startWeb(config, { lifecycle, logger })
    logger.info({ listen: config.listen, url, probes }, 'ready')
  })
  // It lives until a signal, and runProgram says with which status it ends.
  return new Promise(() => {})
}
