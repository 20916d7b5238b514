import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from './config.js'
import type { LogLine } from './log-line.js'
import { type Stack, startStack } from './stack.js'

/** The default recipient of a temporary stack. */
export const ownMailTo = 'default@example.com'

/**
 * A temporary stack: free ports, everything in a temporary folder that `stop` deletes. Of the
 * environment's HERALD_ variables it takes HERALD_BROKER only, if that is a server, with topics of its own
 * there, which stay; else it has an embedded broker. Rejects with StackError.
 */
export async function startOwnStack(
  env: NodeJS.ProcessEnv,
  {
    signal,
    onLine = () => {},
  }: { signal: AbortSignal; onLine?(program: string, line: LogLine): void },
): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), 'herald-stack-'))
  const clean = () => rmSync(folder, { recursive: true, force: true })
  const any = '127.0.0.1:0'
  const own = {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('HERALD_'))),
    ...(brokerServer(env)
      ? {
          HERALD_BROKER: brokerServer(env),
          HERALD_TOPIC: `notifications-${process.pid}-${Date.now()}`,
        }
      : { HERALD_BROKER: `embedded:${join(folder, 'broker')}` }),
    HERALD_DATA: folder,
    HERALD_SPOOL: join(folder, 'spool'),
    HERALD_CONVERTER_LISTEN: any,
    HERALD_CONVERTER_PROBES: any,
    HERALD_NOTIFIER_PROBES: any,
    HERALD_INBOX_SMTP: any,
    HERALD_INBOX_WEB: any,
    HERALD_MAIL_TO: ownMailTo,
  }
  process.once('exit', clean)
  try {
    const stack = await startStack({
      config: loadConfig(own),
      env: own,
      web: false,
      onLine,
      signal,
    })
    return {
      ...stack,
      async stop() {
        await stack.stop()
        clean()
        process.removeListener('exit', clean)
      },
    }
  } catch (error) {
    clean()
    throw error
  }
}

/** HERALD_BROKER if it names a server; undefined for the embedded broker. */
export function brokerServer(env: NodeJS.ProcessEnv): string | undefined {
  const broker = env['HERALD_BROKER']
  return broker && !broker.startsWith('embedded:') ? broker : undefined
}
