import type { Broker, Message } from '@herald/broker'
import { BrokerError, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Outbox } from '#src/outbox/outbox'
import { relayOnce, startRelay } from '#src/outbox/relay'
import { announce, makeFolders, textMessage } from './outbox-folder.js'

const logger = silentLogger

/** A broker in memory that fails as a test requires, with errors that are hard to get from a real one. */
function scriptedBroker() {
  const texts: string[] = []
  const state = {
    texts,
    sends: 0,
    opened: 0,
    closed: 0,
    inFlight: 0,
    mostInFlight: 0,
    /** Throws to fail a send; awaited. */
    before: (_topic: string, _messages: readonly string[]): unknown => undefined,
  }
  const open = async (): Promise<Broker> => {
    state.opened++
    return {
      async publish(topic: string, messages: readonly Message[]) {
        state.sends++
        state.mostInFlight = Math.max(state.mostInFlight, ++state.inFlight)
        try {
          const sent = messages.map(({ value }) => Buffer.from(value).toString())
          await state.before(topic, sent)
          return sent.map((text) => ({ partition: 0, offset: `${texts.push(text) - 1}` }))
        } finally {
          state.inFlight--
        }
      },
      close: async () => void state.closed++,
    } as unknown as Broker
  }
  return { state, open }
}

function relayOn(outbox: Outbox, open: () => Promise<Broker>) {
  const relay = startRelay(outbox, open, { logger })
  onTestFinished(() => relay.stop())
  return relay
}

test('what is placed arrives on the embedded broker, in order, and leaves the outbox', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const broker = await openBroker(folders.brokerUrl, { logger })
  onTestFinished(() => broker.close())
  const relay = startRelay(outbox, () => openBroker(folders.brokerUrl, { logger }), { logger })

  const ids: string[] = []
  for (let n = 0; n < 30; n++) {
    const id = await outbox.prepare(announce(`${n}`, [await folders.temporaryFile(`${n}`)]))
    await outbox.place(id)
    ids.push(id)
  }
  const published = await Promise.all(ids.map((id) => outbox.untilPublished(id, 60_000)))
  const offsets = published.map((places) => BigInt(places?.[0]?.offset ?? -1))
  expect(offsets).toEqual([...offsets].sort((a, b) => (a < b ? -1 : 1)))
  expect(new Set(offsets).size).toBe(30)
  expect(outbox.entries()).toEqual([])

  const received: string[] = []
  const subscription = await broker.subscribe(
    { topic: 'notifications', group: 'g' },
    async ({ value }) => void received.push(Buffer.from(value).toString()),
  )
  await expect.poll(() => received).toEqual(ids.map((_, n) => `${n}`))
  await subscription.close()
  await relay.stop()
})

test('a published entry keeps its events, their positions and the time', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const message = (id: string) => ({
    ...textMessage(id),
    headers: { ce_id: Buffer.from(id), ce_subject: Buffer.from('the conversion') },
  })
  const announcement = announce('harbour')
  await outbox.prepare({ ...announcement, messages: [message('one'), message('two')] })
  const before = outbox.entries()[0]
  await relayOnce(outbox, scriptedBroker().open, { logger, timeoutMs: 10_000 })
  const to = [
    { partition: 0, offset: '0' },
    { partition: 0, offset: '1' },
  ]
  expect([...outbox.store.published()]).toEqual([
    { ...before, state: { kind: 'published', atMs: expect.any(Number), to } },
  ])
  expect(before?.events).toEqual([
    { id: 'one', subject: 'the conversion' },
    { id: 'two', subject: 'the conversion' },
  ])
})

test('the broker is opened with the first event, used again, and closed at the end', async () => {
  const outbox = await (await makeFolders()).open()
  const { state, open } = scriptedBroker()
  const relay = relayOn(outbox, open)
  await outbox.settle()
  expect(state.opened).toBe(0)
  for (const text of ['a', 'b', 'c']) {
    expect(await outbox.untilPublished(await outbox.prepare(announce(text)), 60_000)).toHaveLength(
      1,
    )
  }
  expect(state).toMatchObject({ opened: 1, closed: 0, texts: ['a', 'b', 'c'] })
  await relay.stop()
  await relay.stop()
  expect(state.closed).toBe(1)
})

test('an entry has the position of each of its messages', async () => {
  const outbox = await (await makeFolders()).open()
  const ids = await Promise.all(
    [2, 1, 3].map((count) =>
      outbox.prepare({
        ...announce('x'),
        messages: Array.from({ length: count }, (_, n) => textMessage(`${n}`)),
      }),
    ),
  )
  const { state, open } = scriptedBroker()
  expect(await relayOnce(outbox, open, { logger, timeoutMs: 10_000 })).toEqual({
    published: 3,
    left: 0,
    lastError: undefined,
  })
  expect(state.sends).toBe(1)
  const places = await Promise.all([...ids].sort().map((id) => outbox.untilPublished(id, 0)))
  const offsets = places.map((place) => place?.map(({ offset }) => offset))
  expect(offsets.flat()).toEqual(['0', '1', '2', '3', '4', '5'])
})

test('entries to several topics go one topic at a time, in order, none is lost', async () => {
  const outbox = await (await makeFolders()).open()
  const sent: Record<string, string[]> = { one: [], two: [] }
  for (let n = 0; n < 300; n++) {
    const topic = n % 50 < 25 ? 'one' : 'two'
    await outbox.prepare({ ...announce(`${topic} ${n}`), topic })
    sent[topic]?.push(`${topic} ${n}`)
  }
  const { state, open } = scriptedBroker()
  await relayOnce(outbox, open, { logger, timeoutMs: 20_000 })
  for (const topic of ['one', 'two']) {
    expect(state.texts.filter((text) => text.startsWith(topic))).toEqual(sent[topic])
  }
  expect(state.mostInFlight).toBe(1)
})

describe('when the broker fails', () => {
  test('nothing is lost, attempts and the reason are kept, and publishing resumes', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const { state, open } = scriptedBroker()
    let down = true
    state.before = () => {
      if (down) throw new BrokerError('BROKER_UNREACHABLE', 'nobody answers')
    }
    relayOn(outbox, open)
    const id = await outbox.prepare(announce('a'))
    await expect.poll(() => outbox.entries()[0]?.attempts).toBeGreaterThan(1)
    expect((await folders.open()).entries()).toMatchObject([
      { id, state: { kind: 'ready' }, attempts: expect.any(Number), lastError: 'nobody answers' },
    ])
    down = false
    expect(await outbox.untilPublished(id, 60_000)).toHaveLength(1)
    expect(state.texts).toEqual(['a'])
  })

  test('attempts become rarer, however often the outbox changes', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    onTestFinished(() => void vi.restoreAllMocks())
    const outbox = await (await makeFolders()).open()
    const { state, open } = scriptedBroker()
    const attemptedAt: number[] = []
    state.before = () => {
      attemptedAt.push(performance.now())
      throw new BrokerError('BROKER_UNREACHABLE', 'nobody answers')
    }
    relayOn(outbox, open)
    while (attemptedAt.length < 4) await outbox.prepare(announce('another'))
    const waits = attemptedAt.slice(1).map((at, n) => at - (attemptedAt[n] ?? 0))
    for (const [n, waitMs] of [100, 200, 400].entries()) {
      // A timer may be early by a millisecond.
      expect(waits[n]).toBeGreaterThanOrEqual(waitMs - 1)
    }
  })

  test('nothing is lost either if it cannot be opened', async () => {
    const outbox = await (await makeFolders()).open()
    const { state, open } = scriptedBroker()
    let attempts = 0
    relayOn(outbox, () =>
      ++attempts < 3 ? Promise.reject(new BrokerError('BROKER_UNREACHABLE', 'not yet')) : open(),
    )
    const id = await outbox.prepare(announce('a'))
    expect(await outbox.untilPublished(id, 60_000)).toHaveLength(1)
    expect(state.opened).toBe(1)
  })

  test('a closed one is opened again', async () => {
    const outbox = await (await makeFolders()).open()
    const { state, open } = scriptedBroker()
    state.before = () => {
      if (state.opened === 1) throw new BrokerError('BROKER_CLOSED', 'closed')
    }
    relayOn(outbox, open)
    expect(await outbox.untilPublished(await outbox.prepare(announce('a')), 60_000)).toHaveLength(1)
    expect(state.opened).toBe(2)
  })

  test('stopping does not wait for the back-off', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(10_000)
    onTestFinished(() => void vi.restoreAllMocks())
    const outbox = await (await makeFolders()).open()
    const { state, open } = scriptedBroker()
    state.before = () => {
      throw new Error('broken')
    }
    const relay = relayOn(outbox, open)
    await outbox.prepare(announce('a'))
    await expect.poll(() => outbox.entries()[0]?.attempts).toBe(1)
    // The back-off is now longer than the test may take.
    await relay.stop()
  })
})

test('what is acknowledged and cannot be recorded is kept, and sent again', async () => {
  const outbox = await (await makeFolders()).open()
  const { state, open } = scriptedBroker()
  vi.spyOn(outbox.store, 'recordPublished').mockRejectedValueOnce(new Error('the disk is full'))
  const id = await outbox.prepare(announce('a'))
  relayOn(outbox, open)
  expect(await outbox.untilPublished(id, 60_000)).toEqual([{ partition: 0, offset: '1' }])
  expect(state.texts).toEqual(['a', 'a'])
})

describe('an entry with an error of its own', () => {
  const tooLarge = (_: string, texts: readonly string[]) => {
    if (texts.includes('huge')) throw new BrokerError('BROKER_MESSAGE_TOO_LARGE', 'it is too large')
  }

  test('is kept and set aside while the others continue, and flushing tries it once', async () => {
    const outbox = await (await makeFolders()).open()
    const { state, open } = scriptedBroker()
    state.before = tooLarge
    for (const text of ['a', 'huge', 'b']) await outbox.prepare(announce(text))
    const once = { logger, timeoutMs: 20_000 }
    expect(await relayOnce(outbox, open, once)).toEqual({
      published: 2,
      left: 1,
      lastError: 'it is too large',
    })
    expect(state.texts).toEqual(['a', 'b'])
    expect(outbox.entries()).toMatchObject([{ attempts: 1, lastError: 'it is too large' }])

    expect(await relayOnce(outbox, open, once)).toMatchObject({ published: 0, left: 1 })
    expect(outbox.entries()).toMatchObject([{ attempts: 1 }])
    await relayOnce(outbox, open, { ...once, retrySetAside: true })
    expect(outbox.entries()).toMatchObject([{ attempts: 2 }])
    state.before = () => undefined
    await relayOnce(outbox, open, { ...once, retrySetAside: true })
    expect(outbox.entries()).toEqual([])
  })

  test('a topic that is not allowed does not delay the others', async () => {
    const outbox = await (await makeFolders()).open()
    const { state, open } = scriptedBroker()
    state.before = (topic) => {
      if (topic === 'secret') throw new BrokerError('BROKER_NOT_ALLOWED', 'not allowed')
    }
    for (const text of ['a', 'b']) await outbox.prepare({ ...announce(text), topic: 'secret' })
    await outbox.prepare(announce('c'))
    expect(await relayOnce(outbox, open, { logger, timeoutMs: 20_000 })).toMatchObject({
      published: 1,
      left: 2,
    })
    expect(state.texts).toEqual(['c'])
    expect(outbox.entries()).toMatchObject([
      { lastError: 'not allowed', state: { kind: 'ready' } },
      { lastError: 'not allowed', state: { kind: 'ready' } },
    ])
  })
})

describe('two relays on one outbox', () => {
  test('never send at the same time, and each event is published once', async () => {
    const folders = await makeFolders()
    const { state, open } = scriptedBroker()
    state.before = () => new Promise((resolve) => setTimeout(resolve, 5))
    const outboxes = [await folders.open(), await folders.open(), await folders.open()]
    const relays = outboxes.map((outbox) => relayOn(outbox, open))
    const outbox = await folders.open()
    const ids: string[] = []
    for (let n = 0; n < 60; n++) {
      ids.push(await outbox.prepare(announce(`${n}`)))
      // The relay that holds the lease stops; the other acquires it.
      if (n === 20 || n === 40) await relays.shift()?.stop()
    }
    await Promise.all(ids.map((id) => outbox.untilPublished(id, 60_000)))
    expect(state.texts).toEqual(ids.map((_, n) => `${n}`))
    expect(state.mostInFlight).toBe(1)
  })

  test('relaying once waits for the other relay to publish', async () => {
    const folders = await makeFolders()
    const [busy, waiting] = [await folders.open(), await folders.open()]
    const lease = await busy.store.acquireLease()
    const id = await busy.prepare(announce('a'))
    const { state, open } = scriptedBroker()
    expect(await relayOnce(waiting, open, { logger, timeoutMs: 50 })).toMatchObject({ left: 1 })
    const relayed = relayOnce(waiting, open, { logger, timeoutMs: 20_000 })
    if (lease) await busy.store.recordPublished(lease, [{ id, to: [{}] }])
    expect(await relayed).toEqual({ published: 0, left: 0, lastError: undefined })
    expect(state.opened).toBe(0)
  })
})

test('relaying once is bounded in time, whatever the broker does', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const { state, open } = scriptedBroker()
  let answer = () => {}
  state.before = () => new Promise<void>((resolve) => (answer = resolve))
  const id = await outbox.prepare(announce('a'))
  expect(await relayOnce(outbox, open, { logger, timeoutMs: 200 })).toMatchObject({ left: 1 })
  // The send is still in flight: nobody else may start another.
  expect(await (await folders.open()).store.acquireLease()).toBeUndefined()
  answer()
  expect(await outbox.untilPublished(id, 60_000)).toHaveLength(1)
})
