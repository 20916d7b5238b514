import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ConverterClient } from '../src/converter-client.js'
import {
  convertAtOnce,
  ended,
  type HeldConversion,
  hold,
  openFor,
  startHeld,
} from './converter-calls.js'
import { gradient } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { workshopWith } from './workshop.js'

// Real processes, two or three in a test.
vi.setConfig({ testTimeout: 90_000 })
const patiently = { timeout: 30_000 }

let first: RealConverter
let second: RealConverter
beforeEach(async () => {
  ;[first, second] = await Promise.all([start(), start()])
})
afterEach(() => Promise.all([first.close(), second.close()]))

/** Uploads at a time of one converter. */
const room = 4

const start = (port?: number) =>
  startConverter({ HERALD_TRANSFERS: `${room}`, HERALD_PEER_PERCENT: '100' }, port)

const fill = (client: ConverterClient, uploads: number) =>
  Promise.all(Array.from({ length: uploads }, () => hold(client)))

async function finish(held: readonly HeldConversion[]): Promise<void> {
  for (const each of held) each.release()
  await Promise.all(held.map(({ finished }) => finished))
}

/** A client that has a connection to each of both. */
async function openBoth(): Promise<ConverterClient> {
  const client = openFor(`${first.address},${second.address}`)
  await expect.poll(async () => (await client.formats()).limits?.workers, patiently).toBe(2)
  return client
}

/** Converts until that converter has made one of the conversions. */
const takesPart = (converter: RealConverter, client: ConverterClient) =>
  expect
    .poll(async () => {
      await convertAtOnce(client)
      return ended(converter)
    }, patiently)
    .toBeGreaterThan(0)

const portOf = ({ address }: RealConverter) => Number(address.split(':')[1])

describe('with two converters', () => {
  test('conversions go to both in turn', async () => {
    const client = await openBoth()
    for (let time = 0; time < 6; time++) await convertAtOnce(client)
    expect([await ended(first), await ended(second)]).toEqual([3, 3])
  })

  test('one that is full is passed over without waiting', async () => {
    const held = await fill(openFor(first.address), room)
    const client = await openBoth()
    for (let time = 0; time < 4; time++) await convertAtOnce(client)
    expect([await ended(first), await ended(second)]).toEqual([0, 4])
    expect(await ended(first, 'HERALD_BUSY')).toBeGreaterThan(0)
    await finish(held)
  })

  test('a call waits while both are full, and the reason names both', async () => {
    const client = await openBoth()
    const held = await fill(client, 2 * room)
    const next = startHeld(client)
    await expect.poll(() => next.waits[0]?.code, patiently).toBe('HERALD_BUSY')
    const message = next.waits[0]?.publicMessage ?? ''
    expect(message).toMatch(/^None of 2 converters is available: /)
    for (const { address } of [first, second]) {
      expect(message).toContain(`${address} (The server is busy: 4 files are being uploaded`)
    }
    await finish([...held, next])
  })

  // After 2 s the page showed that the converter did not answer.
  test('a call that was refused waits for that reason, however long it lasts', async () => {
    const client = openFor(first.address)
    const held = await fill(client, room)
    const next = startHeld(client)
    // With pauses of 0.2, 0.4, 0.8 and 1.6 s between them.
    await expect.poll(() => next.waits.length, patiently).toBeGreaterThan(4)
    const refused = next.reports.slice(next.reports.indexOf('HERALD_BUSY'))
    expect(new Set(refused)).toEqual(new Set(['HERALD_BUSY']))
    await finish([...held, next])
  })

  test('one that stops is passed over, finishes its work and ends', async () => {
    const client = await openBoth()
    const held = await hold(openFor(first.address))
    first.signal('SIGTERM')
    await expect.poll(() => first.readiness(), patiently).toMatchObject({ reasons: ['stopping'] })
    const refused = startHeld(openFor(first.address))
    await expect.poll(() => refused.waits[0]?.code, patiently).toBe('HERALD_SHUTTING_DOWN')
    for (let time = 0; time < 4; time++) await convertAtOnce(client)
    expect(await ended(second)).toBe(4)
    held.release()
    await held.finished
    expect(await first.exited).toBe(0)
    await convertAtOnce(client)
  })

  test('one is killed: its call is repeated on the other, whose own call is unaffected', async () => {
    const held = await fill(await openBoth(), 2)
    await first.kill()
    const uploads = () => held.map((each) => each.uploads()).sort()
    await expect.poll(uploads, patiently).toEqual([1, 2])
    await finish(held)
    expect(uploads()).toEqual([1, 2])
    expect(await ended(second)).toBe(2)
    expect(held.flatMap(({ waits }) => waits)).toEqual([])
  })

  test('one that restarts on its port takes part again', async () => {
    const client = await openBoth()
    const port = portOf(first)
    await first.kill()
    for (let time = 0; time < 4; time++) await convertAtOnce(client)
    expect(await ended(second)).toBe(4)
    first = await start(port)
    await takesPart(first, client)
  })

  test('one that accepts connections and is silent gets no call', async () => {
    const connections: Socket[] = []
    const silent = createServer((socket) => connections.push(socket)).listen(0, '127.0.0.1')
    onTestFinished(() => {
      for (const socket of connections) socket.destroy()
      silent.close()
    })
    await expect.poll(() => silent.listening).toBe(true)
    const { port } = silent.address() as { port: number }
    const client = openFor(`127.0.0.1:${port},${first.address}`)
    for (let time = 0; time < 10; time++) await convertAtOnce(client)
    expect(await ended(first)).toBe(10)
    expect(connections.length).toBeLessThanOrEqual(2)
  })

  test('one that stops answering delays the calls it has, and no later one', async () => {
    const client = await openBoth()
    first.signal('SIGSTOP')
    const [one, other] = [startHeld(client), startHeld(client)]
    await expect.poll(() => one.uploads() + other.uploads(), patiently).toBe(1)
    const delayed = one.uploads() === 0 ? one : other
    const later: HeldConversion[] = []
    const admitted = () => {
      const next = startHeld(client)
      next.release()
      later.push(next)
      return later.slice(-6, -1).filter(({ uploads }) => uploads() > 0).length
    }
    // Those before the client noticed may be delayed as well.
    await expect.poll(admitted, { ...patiently, interval: 300 }).toBe(5)
    expect(delayed.uploads()).toBe(0)
    await finish([one, other, ...later])
    expect([one, other, ...later].flatMap(({ waits }) => waits)).toEqual([])
    for (let time = 0; time < 6; time++) await convertAtOnce(client)
    expect(await ended(second)).toBe(2 + later.length + 6)
    first.signal('SIGCONT')
    await takesPart(first, client)
  })

  test('none can be reached: the error names each with its reason', async () => {
    const client = openFor('127.0.0.1:1,127.0.0.1:2,nowhere.invalid:3')
    await expect(client.formats()).rejects.toMatchObject({
      code: 'HERALD_UNREACHABLE',
      message: expect.stringMatching(
        /^None of 3 converters is available: (?=.*127\.0\.0\.1:1 \(connection refused\))(?=.*127\.0\.0\.1:2 \(connection refused\))(?=.*nowhere\.invalid:3 \(unknown host\))/,
      ),
    })
    const { waits } = startHeld(client)
    await expect
      .poll(() => waits[0]?.publicMessage, patiently)
      .toContain('127.0.0.1:2 (connection refused)')
  })
})

test('herald convert, formats and --dry-run take a list', async () => {
  const names = Array.from({ length: 8 }, (_, at) => `${at}.png`)
  const files = Object.fromEntries(names.map((name) => [name, gradient(8, 8)]))
  const shop = await workshopWith(files, `${first.address},${second.address}`)
  const { status } = await shop.herald(['convert', ...names, '--to', 'webp'])
  expect(status).toBe(0)
  const counts = [await ended(first), await ended(second)]
  expect(counts[0]).toBeGreaterThan(0)
  expect(counts[1]).toBeGreaterThan(0)
  expect(Number(counts[0]) + Number(counts[1])).toBe(8)
  const formats = await shop.herald(['formats', '--json'])
  expect(JSON.parse(formats.stdout).limits.workers).toBe(2)
  const dry = await shop.herald(['convert', ...names, '--to', 'jpeg', '--dry-run'])
  expect(dry.status).toBe(0)
})
