import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, openBroker } from '@herald/broker'
import { toMessage } from '@herald/broker/message'
import { findKafka, type KafkaCluster, startKafka } from '@herald/kafka'
import { eventTypes } from '@herald/proto'
import { silentLogger } from '@herald/runtime'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type FaultySmtp, startFaultySmtp } from '#src/faults/faulty-smtp'
import { openTestSystem, type TestSystem } from '#src/test-system'

const found = await findKafka()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''
const events = 10_000
const people = 50

describe.skipIf(leftOut !== '')(`a notifier that was stopped, on Apache Kafka${leftOut}`, () => {
  let folder: string
  let kafka: KafkaCluster
  let sink: FaultySmtp
  let system: TestSystem
  let broker: Broker

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'herald-backlog-'))
    ;[kafka, sink] = await Promise.all([
      startKafka({ dataDirectory: join(folder, 'kafka') }),
      startFaultySmtp(),
    ])
    system = await openTestSystem({
      HERALD_BROKER: kafka.url,
      HERALD_SMTP: sink.urls[0],
      HERALD_SMTP_CONNECTIONS: '20',
    })
    broker = await openBroker(kafka.url, { logger: silentLogger })
  })

  afterAll(async () => {
    await broker?.close()
    await system?.close()
    await sink?.stop()
    await kafka?.destroy()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  test('holds up nothing: 10,000 events announced meanwhile are all mailed, each once, in order', {
    timeout: 300_000,
  }, async () => {
    await system.start('notifier')
    await system.stop('notifier')
    const published = new Map<string, string[]>()
    const messages = Array.from({ length: events }, (_, index) => {
      const address = `person-${index % people}@example.com`
      const id = uuidv7()
      published.set(address, [...(published.get(address) ?? []), id])
      return toMessage(
        { id, source: '/herald/test', time: new Date(), subject: id },
        { type: eventTypes.fileConverted, data: receipt(id, address) },
      )
    })
    const begun = performance.now()
    for (let first = 0; first < events; first += 1000) {
      await broker.publish('notifications', messages.slice(first, first + 1000))
    }
    const publishedMs = performance.now() - begun
    expect(sink.sends).toHaveLength(0)
    await system.start('notifier')
    const started = performance.now()
    await vi.waitFor(() => expect(sink.sends.length).toBeGreaterThanOrEqual(events), {
      timeout: 240_000,
      interval: 100,
    })
    const mailedMs = performance.now() - started
    console.log(
      `${events} events published in ${Math.round(publishedMs)} ms, mailed in ${Math.round(mailedMs)} ms`,
    )
    // Stopping drains: whatever would have been sent twice has been.
    await system.stop('notifier')
    expect(sink.sends).toHaveLength(events)
    expect(sink.sends.every(({ replied }) => replied)).toBe(true)
    for (const [address, ids] of published) {
      const mailed = sink.sends.filter(({ recipient }) => recipient === address)
      expect(mailed.map(({ eventId }) => eventId)).toEqual(ids)
    }
  })
})

function receipt(conversionId: string, address: string) {
  const file = { mediaType: 'image/webp', sizeBytes: 1000, sha256: '0'.repeat(64), pages: 1 }
  return {
    conversionId,
    runId: conversionId,
    runSize: 1,
    source: { ...file, name: 'photo.jpg', mediaType: 'image/jpeg', width: 640, height: 480 },
    renditions: [{ ...file, name: 'photo.webp', path: '/out/photo.webp', width: 640, height: 480 }],
    startedAtUnixMs: Date.now(),
    finishedAtUnixMs: Date.now(),
    recipient: { address, language: 'en' },
    host: 'here',
  }
}
