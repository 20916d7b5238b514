import { join } from 'node:path'
import { openBroker } from '@herald/broker'
import { fromOutcomeMessage, type ReceivedOutcome } from '@herald/broker/outcome-message'
import { outcomeTypes } from '@herald/proto/outcomes'
import { silentLogger } from '@herald/runtime'
import { StoreError } from '@herald/runtime/store'
import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { openLmdbLedger } from '#src/ledger/lmdb-ledger'
import { announceOutcomes } from '#src/outcomes'
import { message, publish, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import { startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

// Each test starts several processes.
const stage = useStage()
const patience = { timeout: 60_000, interval: 50 }
const conversionId = '01890a5d-ac96-774b-bcce-b302099a8057'

async function listen(): Promise<ReceivedOutcome[]> {
  const heard: ReceivedOutcome[] = []
  const broker = await openBroker(stage.broker, { logger: silentLogger })
  stage.defer(() => broker.close())
  await broker.subscribe({ topic: 'notifications.outcomes', group: 'test' }, async (delivery) => {
    expect(delivery.key).toBe(conversionId)
    const outcome = fromOutcomeMessage(delivery)
    if (outcome) heard.push(outcome)
  })
  return heard
}

test('the outcome of each mail is published, and found by its conversion', async () => {
  const server = await startScriptedSmtp({
    rcpt: (address) => (address.startsWith('gone') ? '550 5.1.1 no such mailbox' : undefined),
  })
  stage.defer(() => server.close())
  const notifier = await stage.start({ HERALD_SMTP: server.url })
  const outcomes = await listen()
  const [good, bad] = [uuidv7(), uuidv7()]
  await publish(stage.broker, [
    message(fileConverted(), good),
    message(fileConverted({ recipient: { address: 'gone@example.com' } }), bad),
  ])
  await vi.waitFor(() => expect(outcomes).toHaveLength(2), patience)
  const of = (id: string) =>
    outcomes.find(({ event }) => event.data.notification?.eventIds[0] === id)
  expect(of(good)?.event).toMatchObject({
    type: outcomeTypes.delivered,
    data: {
      notification: {
        conversionId,
        runId: '01890a5d-ac96-774b-bcce-b302099a8058',
        eventIds: [good],
        recipient: 'ada@example.com',
        messageId: `<${good}@localhost>`,
      },
      reply: expect.stringMatching(/^250 /),
      attempts: 1,
    },
  })
  expect(of(bad)?.event).toMatchObject({
    type: outcomeTypes.failed,
    data: { reason: '550 5.1.1 no such mailbox', attempts: 1, possiblyDelivered: false },
  })
  const found = await fetch(`${notifier.probesUrl}/deliveries?conversion=${conversionId}`)
  expect(await found.json()).toMatchObject({
    conversionId,
    deliveries: [
      {
        state: 'accepted',
        eventIds: [good],
        topic: 'notifications',
        history: [{ state: 'accepted', counted: true }],
      },
      { state: 'failed', eventIds: [bad], history: [{ reply: '550 5.1.1 no such mailbox' }] },
    ],
  })
  expect((await fetch(`${notifier.probesUrl}/deliveries`)).status).toBe(400)
  expect((await fetch(`${notifier.probesUrl}/deliveries?conversion=none`)).status).toBe(404)
})

test('a notifier that is killed loses no outcome; an outcome published twice has the same id', async () => {
  const server = await startScriptedSmtp()
  stage.defer(() => server.close())
  const outcomes = await listen()
  const ids = Array.from({ length: 60 }, () => uuidv7())
  let notifier = await stage.start({ HERALD_SMTP: server.url })
  await publish(
    stage.broker,
    ids.map((id, n) =>
      message(fileConverted({ recipient: { address: `u${n % 12}@example.com` } }), id),
    ),
  )
  for (const share of [10, 30, 50]) {
    await vi.waitFor(() => expect(server.accepted.length).toBeGreaterThanOrEqual(share), patience)
    await notifier.stop('SIGKILL')
    notifier = await stage.start({ HERALD_SMTP: server.url })
  }
  const announced = () => new Set(outcomes.map(({ event }) => event.data.notification?.eventIds[0]))
  await vi.waitFor(() => expect([...announced()].sort()).toEqual(ids), patience)
  expect(new Set(outcomes.map(({ envelope }) => envelope.id)).size).toBe(ids.length)
})

test('an outcome that the broker rejects stays in the ledger, and the others are published', async () => {
  const ledger = await openLmdbLedger({ directory: join(stage.data, 'ledger') })
  stage.defer(() => ledger.close())
  const settle = (id: string, recipient: string) =>
    ledger.settle(
      { id, source: '//test' },
      { eventIds: [id], recipient, conversionId, from: '', messageId: `<${id}@x>`, template: '' },
      { state: 'accepted', reply: '250 ok' },
    )
  await settle('1', 'ada@example.com')
  await settle('2', `${'x'.repeat(3_000_000)}@example.com`)
  await settle('3', 'bob@example.com')
  const outcomes = announceOutcomes({
    ledger,
    openBroker: () => openBroker(stage.broker, { logger: silentLogger }),
    topic: 'notifications.outcomes',
    channel: { name: 'mail' },
    logger: silentLogger,
  })
  stage.defer(() => outcomes.close())
  const published = await listen()
  await vi.waitFor(() => expect(published).toHaveLength(2), patience)
  expect(published.map(({ event }) => event.data.notification?.eventIds[0])).toEqual(['1', '3'])
  await vi.waitFor(async () => expect(await ledger.pendingOutcomes(9)).toHaveLength(1), patience)
  expect(await ledger.pendingOutcomes(9)).toMatchObject([{ event: { id: '2' } }])
})

test('a ledger that is away for long is logged once, with the reason and without a stack', async () => {
  const log: Record<string, unknown>[] = []
  let tries = 0
  const outcomes = announceOutcomes({
    ledger: {
      async pendingOutcomes() {
        tries += 1
        throw new StoreError('STORE_UNREACHABLE', 'the database is away')
      },
      onOutcome: () => () => {},
      async markAnnounced() {},
    },
    openBroker: () => openBroker(stage.broker, { logger: silentLogger }),
    topic: 'notifications.outcomes',
    channel: { name: 'mail' },
    logger: pino({}, { write: (line) => void log.push(JSON.parse(line)) }),
  })
  stage.defer(() => outcomes.close())
  await vi.waitFor(() => expect(tries).toBeGreaterThan(2), patience)
  expect(log).toMatchObject([
    { msg: 'outcomes could not be published; will try again', reason: 'the database is away' },
  ])
  expect(log[0]).not.toHaveProperty('err')
})
