// Prepares the announcement given as JSON (values as text) and kills itself before it is placed.
import { join } from 'node:path'
import { silentLogger } from '@herald/runtime'
import { openOutbox } from '#src/outbox/outbox'

const [directory = '', announcement = ''] = process.argv.slice(2)
const outbox = await openOutbox(directory, {
  broker: `embedded:${join(directory, '..', 'broker')}`,
  logger: silentLogger,
})
const { messages, ...rest } = JSON.parse(announcement)
const prepared = messages.map((text: string) => ({
  key: 'k',
  value: Buffer.from(text),
  headers: {},
}))
process.stdout.write(await outbox.prepare({ ...rest, messages: prepared }))
process.kill(process.pid, 'SIGKILL')
