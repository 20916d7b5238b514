import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Announces } from '../announcing-client.js'
import type { BenchStage } from '../bench.js'
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
  /** How many partitions are worked on at once. */
  readonly partitions: number
  readonly mail: MailContent
}

/** As many as the conversion of our side makes. */
export const oneSize = ['large']

/** Names the file, sends the event, and is done: nothing is synced, nothing kept over a crash. */
export async function openPlainProducer(
  stage: BenchStage,
  kafka: BenchKafka,
  topic: string,
): Promise<Announces> {
  const producer = await openProducer(kafka.client())
  stage.defer(() => producer.close())
  const folder = join(freshData(stage), 'renditions')
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
 * What a user would write: kafkajs' `eachMessage`, in it `sendMail` of nodemailer's pool. In a
 * process of its own, as the notifier is; resolves when it has joined its group.
 */
export async function startPlainLoop(
  stage: BenchStage,
  kafka: BenchKafka,
  asked: Omit<LoopSettings, 'bootstrap' | 'group'>,
): Promise<{ stop(): Promise<void> }> {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: [] })
  const exited = once(child, 'exit')
  stage.defer(() => child.kill('SIGKILL'))
  const joined = once(child, 'message')
  child.send({
    ...asked,
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

// As the program; imported, it has no parent to talk to.
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
