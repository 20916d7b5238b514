import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Delivery, type Message, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readDeadLetter } from '#src/dead-letters/dead-letter'
import { createDeadLetterPublisher } from '#src/dead-letters/publisher'

test('a dead letter keeps a binary key and repeated headers of the original message', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-dead-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const broker = await openBroker(`embedded:${folder}`, { logger: silentLogger })
  onTestFinished(() => broker.close())
  const bytes = Buffer.from([0xff, 0x00, 0xfe])
  const original: Message = {
    key: '\ufffd\u0000\ufffd',
    value: Buffer.from('no event'),
    headers: { twice: Buffer.from('two') },
    raw: { key: bytes, headers: { twice: [Buffer.from('one'), Buffer.from('two')] } },
  }
  const position = { topic: 'notifications', partition: 0, offset: '7', publishedAt: new Date() }
  const deadLetters = createDeadLetterPublisher(broker, { name: 'mail' })
  await deadLetters.publish({ ...original, ...position }, { reason: 'not an event', attempts: 0 })

  const found: Delivery[] = []
  await broker.subscribe({ topic: 'notifications.dead-letter', group: 'all' }, async (delivery) => {
    found.push(delivery)
  })
  await vi.waitFor(() => expect(found).toHaveLength(1), 60_000)
  const { message } = readDeadLetter(found[0] as Delivery, 'notifications')
  expect(message).toEqual(original)
})
