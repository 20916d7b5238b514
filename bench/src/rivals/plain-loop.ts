import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BenchAnnouncer } from '../announcing-client.js'
import type { BenchContext } from '../bench.js'
import { renditionBytes } from '../canned-converter.js'
import type { MailContent } from '../capture-mail.js'
import { makeEvent } from '../events.js'
import type { BenchKafka } from '../kafka.js'
import { machineMs } from '../machine-clock.js'
import { freshData, freshGroup } from '../notifier.js'
import { newClient, openProducer, startLoop } from './kafkajs.js'
import { openPool } from './nodemailer.js'

interface LoopSettings {
  readonly bootstrap: string
  readonly topic: string
  readonly group: string
  readonly smtpPort: number
  readonly connections: number
  /** How many partitions are consumed concurrently. */
  readonly partitions: number
  readonly mail: MailContent
}

/** One rendition, as Herald's side of the bench has. */
export const oneSize = ['large']

/** Renames the file and sends the event: nothing is synced, nothing survives a crash. */
export async function openPlainProducer(
  context: BenchContext,
  kafka: BenchKafka,
  topic: string,
): Promise<BenchAnnouncer> {
  const producer = await openProducer(kafka.client())
  context.defer(() => producer.close())
  const folder = join(freshData(context), 'renditions')
  await mkdir(folder)
  return {
    async announce(address) {
      const path = join(folder, `${address}.webp`)
      await writeFile(`${path}.part`, renditionBytes)
      const finishedAt = machineMs()
      await rename(`${path}.part`, path)
      await producer.send(topic, [makeEvent(address, oneSize)])
      return finishedAt
    },
  }
}

/**
 * What a user would write: `sendMail` of nodemailer's pool in kafkajs' `eachMessage`. In its own
 * process, like the notifier. Resolves when it has joined its group.
 */
export async function startPlainLoop(
  context: BenchContext,
  kafka: BenchKafka,
  settings: Omit<LoopSettings, 'bootstrap' | 'group'>,
): Promise<{ stop(): Promise<void> }> {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: [] })
  const exited = once(child, 'exit')
  context.defer(() => child.kill('SIGKILL'))
  const joined = once(child, 'message')
  child.send({
    ...settings,
    bootstrap: kafka.cluster.bootstrap,
    group: freshGroup(),
  } satisfies LoopSettings)
  await joined
  return {
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

// If it runs as the program.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('disconnect', () => process.exit(0))
  process.on('message', async (settings: LoopSettings) => {
    const { bootstrap, smtpPort, connections, mail } = settings
    const pool = openPool(smtpPort, connections)
    await startLoop(newClient(bootstrap), settings, async ({ message }) => {
      const id = message.headers?.['ce_id']?.toString() ?? ''
      await pool.send(message.key?.toString() ?? '', `<${id}@rival>`, mail)
    })
    process.send?.('joined')
  })
}
