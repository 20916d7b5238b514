// Announces one file after the other and relays, until it is killed. It prints
// `at work` once, then `placed <ce_id>` for each announcement that was accepted.
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  linkSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Broker, openBroker } from '@herald/broker'
import { isProcessRunning, silentLogger, thisProcess } from '@herald/runtime'
import { v7 } from 'uuid'
import { openOutbox } from '#src/outbox/outbox'
import { startRelay } from '#src/outbox/relay'

const [directory = '', name = ''] = process.argv.slice(2)
const logger = silentLogger
const print = (line: string) => writeSync(1, `${line}\n`)

/** Records if two processes that live send at once. */
async function openWatchedBroker(): Promise<Broker> {
  const broker = await openBroker(`embedded:${join(directory, 'broker')}`, {
    logger,
    partitions: 4,
  })
  const sending = join(directory, 'sending')
  const self = join(directory, `sender-${process.pid}`)
  writeFileSync(self, JSON.stringify(thisProcess))
  const begin = (): void => {
    try {
      linkSync(self, sending)
    } catch {
      const other = JSON.parse(readFileSync(sending, 'utf8'))
      if (isProcessRunning(other))
        appendFileSync(join(directory, 'violations'), `${other.pid} ${process.pid}\n`)
      unlinkSync(sending)
      begin()
    }
  }
  return {
    features: broker.features,
    createTopic: broker.createTopic.bind(broker),
    subscribe: broker.subscribe.bind(broker),
    close: () => broker.close(),
    async publish(topic, messages) {
      begin()
      const published = await broker.publish(topic, messages)
      unlinkSync(sending)
      return published
    },
  }
}

const outbox = await openOutbox(join(directory, 'outbox'), {
  broker: `embedded:${join(directory, 'broker')}`,
  logger,
})
startRelay(outbox, openWatchedBroker, { logger })
print('at work')
for (let n = 0; ; n++) {
  const id = v7()
  const content = `${id}\n`.repeat(2000)
  const temporaryPath = join(directory, 'files', `.${id}.part`)
  const file = await open(temporaryPath, 'wx')
  await file.writeFile(content)
  await file.sync()
  await file.close()
  const entry = await outbox.prepare({
    topic: 'notifications',
    messages: [
      {
        key: `key ${n % 3}`,
        value: Buffer.from(JSON.stringify({ name, n })),
        headers: { ce_id: Buffer.from(id) },
      },
    ],
    files: [
      {
        temporaryPath,
        finalPath: join(directory, 'files', id),
        sha256: createHash('sha256').update(content).digest('hex'),
      },
    ],
    label: id,
  })
  await outbox.place(entry)
  print(`placed ${id}`)
}
