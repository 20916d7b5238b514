import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerError, type Delivery, RetryLater } from '@herald/broker'
import { fromMessage } from '@herald/broker/message'
import type { Logger } from '@herald/runtime'
import { StoreError } from '@herald/runtime/store'
import { pino } from 'pino'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Channel } from '#src/channel'
import { guardChannel } from '#src/guard-channel'
import { openLmdbLedger } from '#src/ledger/lmdb-ledger'
import { createNotifierMetrics } from '#src/metrics'
import { createUnexpectedErrors } from '#src/unexpected-errors'
import { message, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'

let lines: { msg: string; err?: { stack: string } }[]
let logger: Logger
beforeEach(() => {
  lines = []
  logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
})

const delivery: Delivery = {
  ...message(fileConverted()),
  ...{ topic: 'notifications', position: '3/17', publishedAt: new Date(), attempt: 1 },
}
const context = { signal: new AbortController().signal }

async function createParts() {
  const directory = await mkdtemp(join(tmpdir(), 'herald-unexpected-'))
  const ledger = await openLmdbLedger({ directory })
  onTestFinished(async () => {
    await ledger.close()
    await rm(directory, { recursive: true, force: true })
  })
  const deadLetters: { reason: string; position: string | undefined }[] = []
  const parts = {
    ledger,
    logger,
    metrics: createNotifierMetrics({ name: 'mail' }, { lag: async () => 0, outage: () => false }),
    deadLetters: {
      async publish({ position }: { position?: string }, { reason }: { reason: string }) {
        deadLetters.push({ reason, position })
      },
    },
  }
  return { ledger, deadLetters, parts }
}

/** Calls the handler until it resolves; resolves to how often it rejected. */
async function rejections(handler: () => Promise<void>, atMost = 50): Promise<number> {
  for (let times = 0; times < atMost; times += 1) {
    const rejected = await handler().then(
      () => false,
      () => true,
    )
    if (!rejected) return times
  }
  return atMost
}

test('an event whose handler throws each time becomes a dead letter, with the stack in the log', async () => {
  const { deadLetters, parts } = await createParts()
  const handler = createUnexpectedErrors(parts).guard(async () => {
    throw new TypeError('cannot read properties of undefined')
  })
  expect(await rejections(() => handler(delivery, context))).toBe(5)
  const reason = 'Unexpected error: cannot read properties of undefined'
  expect(deadLetters).toEqual([{ reason, position: '3/17' }])
  expect(lines.at(-1)).toMatchObject({
    msg: 'fails each time: event published to the dead letters',
    err: { stack: expect.stringMatching(/unexpected-errors\.test/) },
  })
})

test.each([
  ['the broker is away', () => new BrokerError('BROKER_UNREACHABLE', 'away')],
  ['the disk is full', () => new StoreError('STORE_FULL', 'full')],
  ['the mail has to wait', () => new RetryLater(5)],
])('nothing is given up while %s', async (_, error) => {
  const { deadLetters, parts } = await createParts()
  const handler = createUnexpectedErrors(parts).guard(async () => {
    throw error()
  })
  expect(await rejections(() => handler(delivery, context))).toBe(50)
  expect(deadLetters).toEqual([])
})

test('no event is given up while the ledger fails, whatever is thrown', async () => {
  const { deadLetters, parts } = await createParts()
  const check = async () => {
    throw new Error('the ledger fails')
  }
  const broken = { ...parts, ledger: { ...parts.ledger, check } }
  const handler = createUnexpectedErrors(broken).guard(async () => {
    throw new TypeError('no')
  })
  expect(await rejections(() => handler(delivery, context))).toBe(50)
  expect(deadLetters).toEqual([])
})

test('a deferred mail that fails each time is given up, and its record has failed', async () => {
  const { ledger, deadLetters, parts } = await createParts()
  const id = uuidv7()
  const ref = { id, source: '//herald.test/client' }
  const mail = {
    ...{ eventIds: [id], recipient: 'ada@example.com', from: 'x', messageId: '<x@y>' },
    template: '1/en',
  }
  await ledger.settle(ref, mail, { state: 'deferred', reply: '', nextAttemptAt: 0 })
  const { giveUp } = createUnexpectedErrors(parts)
  const head = { ref, deliveries: [delivery], position: 1 }
  expect(await giveUp(head, new Error('no'), 5)).toBe(false)
  expect(await giveUp(head, new Error('no'), 6)).toBe(true)
  expect(deadLetters).toHaveLength(1)
  expect(await ledger.find(ref)).toMatchObject({ state: 'failed', reply: 'Unexpected error: no' })
})

test('an error of the channel counts as a temporary refusal; an error of the ledger passes through', async () => {
  const channel = {
    name: 'webhook',
    address() {
      throw new TypeError('no address')
    },
    async send(_outgoing, beforeBody) {
      await beforeBody()
      throw new TypeError('no')
    },
  } as Partial<Channel> as Channel
  const guarded = guardChannel(channel, logger)
  const event = fromMessage(delivery)
  expect(guarded.address(event)).toMatchObject({ problem: 'Unexpected error: no address' })
  const mail = { ...guarded.address(event), eventIds: [event.envelope.id] }
  const outgoing = { mail, events: [event], record: undefined, isWanted: () => true }
  expect(await guarded.send(outgoing, async () => () => true)).toMatchObject({ kind: 'unknown' })
  const full = new StoreError('STORE_FULL', 'full')
  await expect(guarded.send(outgoing, () => Promise.reject(full))).rejects.toBe(full)
  channel.send = async () => {
    throw new TypeError('no')
  }
  expect(await guardChannel(channel, logger).send(outgoing, async () => () => true)).toEqual({
    kind: 'deferred',
    reply: 'Unexpected error: no',
  })
  expect(lines.map(({ err }) => err?.stack)).toContainEqual(expect.stringContaining('at '))
})
