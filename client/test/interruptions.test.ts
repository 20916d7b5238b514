import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openConverter } from '../src/converter-client.js'
import { newTraceparent } from '../src/trace.js'
import { gradient, noise } from './pictures.js'
import { readTopic } from './read-topic.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

const workshop = (files: Files, address = converter.address) => workshopWith(files, address)

const uploading = (at: RealConverter) =>
  expect.poll(() => at.uploadedBytes(), { interval: 5 }).toBeGreaterThan(0)

/** mulberry32: the same plan for the same seed. */
function random(seed: number) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe('Ctrl-C', () => {
  test('ends the conversion here and on the converter, leaves nothing, exits with 130', async () => {
    const shop = await workshop({ 'a.png': noise(1600, 1200), 'b.png': gradient(8, 8) })
    const running = shop.start(['convert', 'a.png', 'b.png', '--to', 'avif', '--lossless'])
    await uploading(converter)
    running.child.kill('SIGINT')
    const { status, stderr } = await running.finished
    expect(status).toBe(130)
    expect(stderr).toBe(
      '0 of 2 files converted; 2 stopped.\nherald: stopped; nothing half done is left.\n',
    )
    expect((await shop.names()).filter((name) => /\.part$|a\.avif/.test(name))).toEqual([])
    await expect.poll(() => converter.uploadedBytes()).toBe(0)
  })
})

describe('the converter', () => {
  test('is not running: a clear word and 5', async () => {
    const shop = await workshop({ 'a.png': gradient(8, 8) }, 'localhost:1')
    const { status, stderr } = await shop.herald(['convert', 'a.png', '-t', 'webp'])
    expect(stderr).toBe(
      'herald: The converter at localhost:1 cannot be reached.\n' +
        '  Start one with `npm start`, or name another with HERALD_CONVERTER=host:port.\n',
    )
    expect(status).toBe(5)
  })

  test('is not running: programs get an object for each file', async () => {
    const shop = await workshop({ 'a.png': gradient(8, 8), 'b.png': gradient(8, 8) }, 'localhost:1')
    const args = ['convert', 'a.png', 'b.png', '-t', 'webp', '--json']
    const { status, stdout } = await shop.herald(args)
    expect(status).toBe(5)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { file: 'a.png', ok: false, error: { code: 'HERALD_UNREACHABLE', exitCode: 5 } },
      { file: 'b.png', ok: false, error: { code: 'HERALD_UNREACHABLE', exitCode: 5 } },
    ])
  })

  test('is killed during an upload and stays away: 5, and nothing is left', async () => {
    const mortal = await startConverter()
    onTestFinished(() => mortal.close())
    const shop = await workshop({ 'a.png': noise(3000, 2500) }, mortal.address)
    // From the kill on, the clock of the client is 5 s later whenever it looks.
    let [stepMs, laterMs] = [0, 0]
    const { now } = Date
    vi.spyOn(Date, 'now').mockImplementation(() => {
      laterMs += stepMs
      return now() + laterMs
    })
    onTestFinished(() => void vi.restoreAllMocks())
    const finished = shop.herald(['convert', 'a.png', '--to', 'webp'])
    await uploading(mortal)
    stepMs = 5_000
    await mortal.kill()
    const { status, stderr } = await finished
    expect(stderr).toMatch(/^✗ a\.png {2}The converter at 127\.0\.0\.1:\d+ cannot be reached\./)
    expect(status).toBe(5)
    expect(await shop.names()).toEqual(['a.png'])
  })

  test('is killed during an upload and comes back: the file is sent anew', async () => {
    const mortal = await startConverter()
    onTestFinished(() => mortal.close())
    const next = await startConverter()
    onTestFinished(() => next.close())
    const shop = await workshop({ 'a.png': noise(3000, 2500) }, mortal.address)
    const running = shop.start(['convert', 'a.png', '--to', 'webp', '--width', '64'])
    await uploading(mortal)
    await mortal.kill()
    await forward(mortal.address, next.address)
    const { status, stdout } = await running.finished
    expect(stdout).toMatch(/^✓ a\.png → a\.webp/)
    expect(status).toBe(0)
  })

  test('is full: the client waits until there is room', async () => {
    const narrow = await startConverter({ HERALD_TRANSFERS: '1' })
    onTestFinished(() => narrow.close())
    const shop = await workshop({ 'b.png': gradient(8, 8) }, narrow.address)
    const visitor = await occupy(narrow.address)
    const running = shop.start(['convert', 'b.png', '--to', 'webp', '--json'])
    await expect
      .poll(() => narrow.metrics())
      .toContain('herald_conversions_total{outcome="HERALD_BUSY"')
    visitor.leave()
    const { status, stdout } = await running.finished
    expect(JSON.parse(stdout)).toMatchObject({ ok: true })
    expect(status).toBe(0)
  })
})

/** Listens at the one address and passes what comes on to the other, until the test is over. */
async function forward(from: string, to: string): Promise<void> {
  const portOf = (address: string) => Number(address.split(':')[1])
  const server = createServer((socket) => {
    const onward = connect(portOf(to), '127.0.0.1')
    pipeline(socket, onward, socket, () => {})
  })
  onTestFinished(() => void server.close())
  await once(server.listen(portOf(from), '127.0.0.1'), 'listening')
}

/** Begins an upload and keeps its place on the converter until `leave` is called. */
async function occupy(address: string): Promise<{ leave(): void }> {
  const gone = new AbortController()
  const converter = openConverter(address)
  onTestFinished(() => converter.close())
  const bytes = gradient(8, 8)
  await new Promise<void>((resolve, reject) => {
    const upload = {
      name: 'visitor.png',
      sizeBytes: bytes.length,
      async *open() {
        resolve()
        await once(gone.signal, 'abort')
        yield bytes
      },
    }
    converter
      .convert(upload, {
        conversionId: uuidv7(),
        traceparent: newTraceparent(),
        renditions: [{ format: 'webp' }],
        signal: gone.signal,
        receive: () => Promise.reject(new Error('the visitor waits for no rendition')),
      })
      .catch(reject)
  })
  return { leave: () => gone.abort() }
}

describe('kill -9', () => {
  test('at random points: every file under its final name is whole and announced exactly once', async () => {
    const rounds = process.env['CI'] ? 20 : 8
    const seed = Date.now() % 2 ** 31
    console.info(`kill -9 of herald convert at ${rounds} random points, seed ${seed}`)
    const chance = random(seed)
    const shop = await workshop({ 'a.png': gradient(640, 480), 'b.png': gradient(320, 200) })
    const args = (out: string) => [
      ...['convert', 'a.png', 'b.png', '--to', 'webp,jpeg', '--notify', 'ada@example.com'],
      ...['--out', out],
    ]
    await shop.start(args('warm')).finished
    let { milliseconds: whole } = await shop.start(args('measured')).finished

    const folders = ['warm', 'measured']
    let halted = 0
    for (let round = 0; halted < rounds; round++) {
      folders.push(`run-${round}`)
      const running = shop.start(args(`run-${round}`))
      // The start of the program changes nothing: aim at the rest.
      await later(whole * (0.3 + 0.7 * chance()))
      running.child.kill('SIGKILL')
      const { status, milliseconds } = await running.finished
      if (status === null) halted += 1
      else whole = milliseconds
    }
    expect((await shop.herald(['outbox', 'flush'])).status).toBe(0)

    const announced = new Map<string, Set<string>>()
    for (const { envelope, event } of await readTopic(shop.brokerUrl)) {
      if (!('renditions' in event.data)) throw new Error('an unexpected event')
      for (const { path, sha256 } of event.data.renditions) {
        announced.set(`${path}`, (announced.get(`${path}`) ?? new Set()).add(envelope.id))
        const bytes = await readFile(`${path}`)
        expect(createHash('sha256').update(bytes).digest('hex'), `seed ${seed}`).toBe(sha256)
      }
    }
    const present: string[] = []
    for (const folder of folders) {
      const names = await shop.names(shop.path(folder)).catch(() => [])
      present.push(...names.map((name) => shop.path(folder, name)))
    }
    const final = present.filter((path) => !path.endsWith('.part'))
    expect([...announced.keys()].sort(), `seed ${seed}`).toEqual(final.sort())
    expect(
      [...announced.values()].every((ids) => ids.size === 1),
      `seed ${seed}`,
    ).toBe(true)
  })

  test('what a killed run left half done is gone after the next one into that folder', async () => {
    const shop = await workshop({ 'a.png': gradient(8, 8) })
    const { child } = shop.start(['--help'])
    const dead = child.pid
    await new Promise((resolve) => child.once('exit', resolve))
    const machine = (await makeOne(shop)).split('-')[1]
    const left = `.herald-${machine}-${dead}-1-0123456789ab.part`
    const alive = `.herald-${machine}-${process.pid}--0123456789ab.part`
    const [host, boot] = (machine ?? '').split('.')
    const elsewhere = `.herald-00000000.${boot}.1-${dead}-1-0123456789ab.part`
    const inContainer = `.herald-${host}.${boot}.1-${dead}-1-0123456789ab.part`
    for (const name of [left, alive, elsewhere, inContainer])
      await writeFile(shop.path(name), 'half')
    await shop.herald(['convert', 'a.png', '--to', 'webp'])
    expect(await shop.names()).toEqual([elsewhere, inContainer, alive, 'a.png', 'a.webp'].sort())
  })
})

/** The name of a temporary file as this machine makes it. */
async function makeOne(shop: { path(...names: string[]): string }): Promise<string> {
  const { temporaryPath } = await import('#src/rendition-file')
  return temporaryPath(shop.path()).split('/').at(-1) as string
}
