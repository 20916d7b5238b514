import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { BenchContext } from './bench.js'

const main = fileURLToPath(new URL('../../../notifier-service/dist/src/main.js', import.meta.url))

export interface NotifierSettings {
  /** The value of HERALD_BROKER. */
  readonly broker: string
  readonly topic: string
  readonly group: string
  readonly smtpPort: number
  readonly connections: number
  /** The value of HERALD_LEDGER. Default: a folder of `data`. */
  readonly ledger?: string | undefined
  /** The data folder, which several notifiers may share. Default: a fresh one. */
  readonly data?: string
}

export interface RunningNotifier {
  /** Sends SIGTERM; resolves when the process has ended. */
  stop(): Promise<void>
}

let groups = 0
/** A new consumer group. */
export const freshGroup = () => `group-${process.pid}-${groups++}`

export const freshData = (context: BenchContext) => mkdtempSync(join(context.folder, 'data-'))

/** Starts the notifier in its own process. Resolves when it is ready. */
export async function startNotifier(
  context: BenchContext,
  settings: NotifierSettings,
): Promise<RunningNotifier> {
  const data = settings.data ?? freshData(context)
  const log = join(mkdtempSync(join(context.folder, 'log-')), 'notifier.log')
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HERALD_BROKER: settings.broker,
      HERALD_TOPIC: settings.topic,
      HERALD_GROUP: settings.group,
      HERALD_SMTP: `smtp://127.0.0.1:${settings.smtpPort}`,
      HERALD_SMTP_CONNECTIONS: String(settings.connections),
      HERALD_DATA: data,
      HERALD_LEDGER: settings.ledger,
      HERALD_NOTIFIER_PROBES: '127.0.0.1:0',
    },
    stdio: ['ignore', 'ignore', openSync(log, 'a')],
  })
  const exited = once(child, 'exit')
  context.defer(() => child.kill('SIGKILL'))
  while (!readFileSync(log, 'utf8').includes('"msg":"ready"')) {
    if (child.exitCode !== null) throw new Error(readFileSync(log, 'utf8').slice(-2000))
    await delay(20)
  }
  return {
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
