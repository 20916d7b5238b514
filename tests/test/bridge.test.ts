import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Broker, type Delivery, type Message, openBroker } from '@herald/broker'
import { findKafka, startKafka } from '@herald/kafka'
import { natsVersions } from '@herald/nats'
import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { silentLogger } from '@herald/runtime'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

const herald = fileURLToPath(new URL('../../client/bin/herald.js', import.meta.url))
const topic = 'notifications'
const keys = 20

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'herald-bridge-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const newEmbedded = () => `embedded:${newFolder()}`

async function open(url: string): Promise<Broker> {
  const broker = await openBroker(url, { logger: silentLogger })
  onTestFinished(() => broker.close())
  return broker
}

/** `herald bridge` as a process. */
function bridge(...args: string[]) {
  const child = spawn(process.execPath, [herald, 'bridge', ...args], {
    env: { PATH: process.env['PATH'], XDG_STATE_HOME: newFolder() },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const ended = once(child, 'close').then(([status]) => status as number | null)
  return { child, ended, output: () => output }
}

const event = (key: string | null, number: number): Message => ({
  key,
  value: Buffer.from(`${key}/${number}`),
  headers: { ce_id: Buffer.from(`id-${key}-${number}`), ce_subject: Buffer.from('größe') },
})

const interleaved = (rounds: number, firstRound = 0) =>
  Array.from({ length: keys * rounds }, (_, index) =>
    event(`k${index % keys}`, firstRound + Math.floor(index / keys)),
  )

const idOf = ({ headers }: Pick<Message, 'headers'>) =>
  Buffer.from(headers['ce_id'] ?? []).toString()

/** Collects what is on the target. */
async function collect(url: string): Promise<Delivery[]> {
  const broker = await open(url)
  const got: Delivery[] = []
  await broker.subscribe({ topic, group: 'reader' }, async (delivery) => {
    got.push(delivery)
  })
  return got
}

/** Every event, unchanged; of each key in order. Copies that came twice are counted. */
async function expectAll(got: readonly Delivery[], rounds: number): Promise<number> {
  const wanted = interleaved(rounds)
  await vi.waitFor(() => expect(new Set(got.map(idOf)).size).toBe(wanted.length), {
    timeout: 30_000,
  })
  const first = new Map<string, Delivery>()
  for (const delivery of got) if (!first.has(idOf(delivery))) first.set(idOf(delivery), delivery)
  for (let key = 0; key < keys; key += 1) {
    const ofKey = [...first.values()].filter((delivery) => delivery.key === `k${key}`)
    expect(ofKey.map(idOf)).toEqual(
      Array.from({ length: rounds }, (_, round) => `id-k${key}-${round}`),
    )
  }
  for (const { key, value, headers } of wanted) {
    const copy = first.get(idOf({ headers }))
    expect(copy?.key).toBe(key)
    expect(Buffer.from(copy?.value ?? [])).toEqual(Buffer.from(value))
    expect(Object.keys(copy?.headers ?? {}).sort()).toEqual(Object.keys(headers).sort())
    expect(Buffer.from(copy?.headers['ce_subject'] ?? []).toString()).toBe('größe')
  }
  return got.length - wanted.length
}

/** Copies, is killed on the way, continues; new events follow. */
async function expectCopy(from: string, to: string): Promise<void> {
  const rounds = 50
  const source = await open(from)
  await source.publish(topic, interleaved(rounds))
  const got = await collect(to)
  const killed = bridge('--from', from, '--to', to)
  await vi.waitFor(() => expect(got.length).toBeGreaterThan(100), { timeout: 30_000, interval: 5 })
  killed.child.kill('SIGKILL')
  await killed.ended
  const before = new Set(got.map(idOf)).size
  await source.publish(topic, interleaved(10, rounds))
  const second = bridge('--from', from, '--to', to, '--once')
  expect(await second.ended, second.output()).toBe(0)
  const twice = await expectAll(got, rounds + 10)
  const copied = Number(/: (\d+) copied/.exec(second.output())?.[1])
  console.log(
    `${from.split(':')[0]} to ${to.split(':')[0]}: killed after ${before} of ${rounds * keys}, then ${copied} copied; ${twice} came twice`,
  )
  const third = bridge('--from', from, '--to', to, '--once')
  expect(await third.ended, third.output()).toBe(0)
  expect(third.output()).toContain(`${topic}: 0 copied`)
}

describe('herald bridge', { timeout: 120_000 }, () => {
  test('copies an embedded broker to another, and continues after kill -9', async () => {
    await expectCopy(newEmbedded(), newEmbedded())
  })

  test('copies what is published while it runs, until it is stopped', async () => {
    const [from, to] = [newEmbedded(), newEmbedded()]
    const running = bridge('--from', from, '--to', to)
    const source = await open(from)
    const got = await collect(to)
    for (let round = 0; round < 5; round += 1) await source.publish(topic, interleaved(1, round))
    expect(await expectAll(got, 5)).toBe(0)
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(143)
    expect(running.output()).toContain(`${topic}: 100 copied`)
  })

  test('refuses a target that is the source', async () => {
    const folder = newEmbedded()
    const pairs = [
      [folder, `${folder}?sessionTimeoutMs=5000`],
      ['kafka://a,b:9092', 'kafka://ada:secret@c,b'],
      ['nats://localhost', 'tls://127.0.0.1:4222'],
    ]
    for (const [from = '', to = ''] of pairs) {
      const refused = bridge('--from', from, '--to', to)
      expect(await refused.ended).toBe(2)
      expect(refused.output()).toContain('--from and --to name the same broker')
      expect(refused.output()).not.toContain('secret')
    }
  })

  test('reports a URL that it cannot use', async () => {
    const refused = bridge('--from', newEmbedded(), '--to', 'redis://localhost')
    expect(await refused.ended).toBe(2)
    expect(refused.output()).toContain('--to: Unknown broker scheme')
  })

  for (const version of natsVersions) {
    describeOnNats(version, `to and from NATS ${version}`, () => {
      const nats = useNats(version)

      test('copies both ways, and continues after kill -9', async () => {
        const last = newEmbedded()
        await expectCopy(newEmbedded(), nats.url)
        const back = bridge('--from', nats.url, '--to', last, '--once')
        expect(await back.ended, back.output()).toBe(0)
        expect(await expectAll(await collect(last), 60)).toBeLessThan(2 * keys * 60)
      })
    })
  }
})

const found = await findKafka()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''

describe.skipIf(leftOut !== '')(`herald bridge from Kafka${leftOut}`, { timeout: 120_000 }, () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'herald-bridge-kafka-'))
    kafka = await startKafka({ dataDirectory: folder })
  }, 120_000)
  afterAll(async () => {
    await kafka?.destroy()
    rmSync(folder, { recursive: true, force: true })
  })

  describeOnNats('2.15', 'to NATS 2.15', () => {
    const nats = useNats('2.15')

    test('copies, and continues after kill -9', async () => {
      await expectCopy(`${kafka.url}?sessionTimeoutMs=1500&heartbeatMs=150`, nats.url)
    })
  })
})
