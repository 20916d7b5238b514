import { ConfigurationError } from '@herald/runtime'
import type { Terminal } from '@herald/runtime/terminal'
import { describeStack, pinnedAddresses } from './announcement.js'
import { loadConfig } from './config.js'
import { programLog } from './program-log.js'
import { StackError } from './readiness.js'
import { findRunningStack, recordRunningStack } from './running-stack.js'
import { startStack } from './stack.js'
import type { StopRequests } from './stop-requests.js'

export interface RunStackOptions {
  readonly env: NodeJS.ProcessEnv
  readonly terminal: Terminal
  readonly stopping: StopRequests
}

/**
 * Runs everything until it is asked to stop or a program ends by itself. Resolves to the exit
 * status: 0 after a stop, 1 if a program ended or could not start, 2 for a bad configuration.
 */
export async function runStack(options: RunStackOptions): Promise<number> {
  try {
    return await untilStopped(options)
  } catch (error) {
    if (options.stopping.signal.aborted) return 0
    if (!(error instanceof StackError || error instanceof ConfigurationError)) throw error
    printError(options.terminal, error.message)
    return error instanceof ConfigurationError ? 2 : 1
  }
}

async function untilStopped({ env, terminal, stopping }: RunStackOptions) {
  const { paint, print } = terminal
  const config = loadConfig(env)
  const other = findRunningStack(config.data)
  if (other) {
    throw new StackError(
      `Herald is already running with this data folder (process ${other.process.pid}). Stop it, or set HERALD_DATA and the addresses for this one: see .env.example.`,
    )
  }
  const stack = await startStack({
    config,
    env,
    signal: stopping.signal,
    onLine: programLog(paint, print),
    waiting: (name) =>
      print(
        paint('dim', `Waiting for the ${name} to finish; press Ctrl-C again to end it at once.`),
      ),
  })
  const removeRecord = recordRunningStack(stack)
  // Since this process started.
  const readyAfterMs = performance.now()
  for (const line of describeStack(stack.addresses, { env, readyAfterMs, paint })) print(line)

  // On a terminal the log scrolls above them.
  terminal.live(pinnedAddresses(stack.addresses, paint))
  const broken = await Promise.race([stack.broken, stopping.requested])
  terminal.live([])
  if (broken) printError(terminal, `${broken} Stopping the rest.`)
  else print('Stopping.')
  await stack.stop()
  removeRecord()
  print('Stopped.')
  return broken ? 1 : 0
}

function printError(terminal: Terminal, text: string): void {
  terminal.log(terminal.paint('red', text, 'stderr'))
}
