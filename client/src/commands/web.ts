import { runProgram } from '@herald/runtime/lifecycle'
import { createLogger } from '@herald/runtime/logger'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../web/config.js'
import { startWeb } from '../web/program.js'

/** A conversion may take its whole time limit, and the transfer some more. */
const deadlineMs = 40_000

/** Serves the web page until a signal; then `runProgram` ends the process. */
export async function webCommand({ env }: Pick<CommandContext, 'env'>): Promise<never> {
  const config = loadConfig(env)
  const logger = createLogger('web', config.logLevel)
  await runProgram({ logger, deadlineMs }, async (lifecycle) => {
    const { url, probes } = await startWeb(config, { lifecycle, logger })
    logger.info({ listen: config.listen, url, probes }, 'ready')
  })
  return new Promise(() => {})
}
