import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { openOutbox } from '@herald/broker/outbox'
import { type ErrorCode, errorTable, HeraldError } from '@herald/proto/errors'
import { eventTypes } from '@herald/proto/events'
import { silentLogger } from '@herald/runtime/logger'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { isFailureAnnounced } from '../src/announcements.js'
import { gradient } from './pictures.js'
import { readTopic } from './read-topic.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, openWorkshop, workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

const workshop = (files?: Files) => workshopWith(files, converter.address)

const picture = gradient(64, 48)

describe('what is converted is announced', () => {
  test('publishes one event for each recipient, with all facts of the conversion', async () => {
    const shop = await workshop({ 'harbour.png': picture })
    const { stdout } = await shop.herald([
      ...['convert', 'harbour.png', '--to', 'webp,jpeg', '--language', 'DE-at', '--json'],
      ...['-n', 'ada@example.com', '-n', 'zoë@bücher.example', '-n', 'ada@EXAMPLE.com'],
    ])
    const line = JSON.parse(stdout)
    const events = await readTopic(shop.brokerUrl)

    expect(events.map(({ envelope }) => envelope.id).sort()).toEqual([...line.eventIds].sort())
    const told = events.map(({ event }) => event.data.recipient?.address).sort()
    expect(told).toEqual(['ada@example.com', 'zoë@bücher.example'])
    for (const { envelope, event } of events) {
      expect(envelope).toMatchObject({
        source: '/herald/cli',
        type: eventTypes.fileConverted,
        subject: line.conversionId,
        traceparent: line.traceparent,
      })
      expect(event.data).toMatchObject({
        conversionId: line.conversionId,
        runId: line.runId,
        host: hostname(),
        recipient: { language: 'de-AT' },
        source: { name: 'harbour.png', mediaType: 'image/png', width: 64, height: 48, pages: 1 },
        renditions: [
          { name: 'harbour.webp', path: shop.path('harbour.webp'), mediaType: 'image/webp' },
          { name: 'harbour.jpg', path: shop.path('harbour.jpg'), mediaType: 'image/jpeg' },
        ],
      })
    }
    expect(line).toMatchObject({ announced: true, warning: null, topic: 'notifications' })
    for (const { partition, offset } of line.events) {
      expect([partition, Number(offset)]).toEqual([expect.any(Number), expect.any(Number)])
    }
  })

  test('publishes one event for the default address if none is given, and reports that', async () => {
    const shop = await workshop({ 'a.png': picture })
    const { stdout } = await shop.herald(['convert', 'a.png', '--to', 'webp'])
    expect(stdout).toMatch(/ {2}queued for the default address\n$/)
    const events = await readTopic(shop.brokerUrl)
    expect(events.map(({ event }) => event.data.recipient?.address)).toEqual([''])
  })

  test('--no-announce saves the file, publishes nothing and reports that', async () => {
    const shop = await workshop({
      'a.png': picture,
      'b.png': picture,
      'note.png': Buffer.alloc(100, 1),
    })
    const plain = await shop.herald(['convert', 'a.png', '--to', 'webp', '--no-announce'])
    expect(plain.stdout).toMatch(/ {2}not announced\n$/)
    const args = ['convert', 'b.png', 'note.png', '--to', 'webp', '--no-announce', '--json']
    const { stdout, status } = await shop.herald(args)
    expect(status).toBe(3)
    const [line = ''] = stdout.split('\n')
    expect(JSON.parse(line)).toMatchObject({ ok: true, announced: false, events: [], topic: null })
    expect(await shop.names()).toEqual(['a.png', 'a.webp', 'b.png', 'b.webp', 'note.png'])
    expect((await shop.herald(['outbox'])).stderr).toContain('The outbox is empty')
    expect(await readTopic(shop.brokerUrl)).toEqual([])
  })

  test('--no-announce replaces no file without --force, and needs no broker', async () => {
    const shop = await workshop({ 'a.png': picture, 'a.webp': 'mine' })
    await mkdir(shop.path('data'))
    // A file where the broker's folder should be.
    await writeFile(shop.path('data', 'broker'), '')
    const args = ['convert', 'a.png', '--to', 'webp', '--no-announce']
    expect((await shop.herald(args)).status).not.toBe(0)
    expect(await readFile(shop.path('a.webp'), 'utf8')).toBe('mine')
    const forced = await shop.herald([...args, '--force'])
    expect(forced).toMatchObject({ status: 0, stderr: '' })
    expect((await readFile(shop.path('a.webp'))).toString('latin1', 0, 4)).toBe('RIFF')
  })

  test('--no-announce with --notify is refused', async () => {
    const shop = await workshop({ 'a.png': picture })
    const args = ['convert', 'a.png', '--to', 'webp', '--no-announce', '-n', 'ada@example.com']
    const { status, stderr } = await shop.herald(args)
    expect(status).toBe(2)
    expect(stderr).toContain('--notify and --no-announce')
    expect(await shop.names()).toEqual(['a.png'])
  })

  test('many files of one call share the run, each has its own conversion', async () => {
    const shop = await workshop({ 'a.png': picture, 'b.png': picture })
    await shop.herald(['convert', 'a.png', 'b.png', '--to', 'webp'])
    const events = await readTopic(shop.brokerUrl)
    expect(new Set(events.map(({ event }) => event.data.runId)).size).toBe(1)
    expect(new Set(events.map(({ event }) => event.data.conversionId)).size).toBe(2)
  })
})

describe('a file that could not be converted', () => {
  test('is announced to those who wait for it', async () => {
    const shop = await workshop({ 'note.png': Buffer.alloc(100, 1) })
    const args = ['convert', 'note.png', '--to', 'webp', '--notify', 'ada@example.com']
    const { status, stderr } = await shop.herald(args)
    expect(status).toBe(3)
    expect(stderr).toContain('queued for ada@example.com')
    const [failed, ...more] = await readTopic(shop.brokerUrl)
    expect(more).toEqual([])
    expect(failed?.event).toMatchObject({
      type: eventTypes.conversionFailed,
      data: {
        fileName: 'note.png',
        formats: ['webp'],
        code: 'HERALD_UNSUPPORTED_FILE',
        recipient: { address: 'ada@example.com' },
      },
    })
  })

  test.each([
    ['nobody waits for it', ['note.png', '--to', 'webp']],
    ['it is not there', ['gone.png', '--to', 'webp', '-n', 'ada@example.com']],
    ['the call was wrong', ['note.png', '--to', 'nothing', '-n', 'ada@example.com']],
  ])('is not announced when %s', async (_, args) => {
    const shop = await workshop({ 'note.png': Buffer.alloc(100, 1) })
    expect((await shop.herald(['convert', ...args])).status).not.toBe(0)
    expect(await readTopic(shop.brokerUrl)).toEqual([])
  })
})

describe('a failure is announced to the recipients', () => {
  const told: readonly string[] = [
    'HERALD_EMPTY_FILE',
    'HERALD_UNSUPPORTED_FILE',
    'HERALD_CORRUPT_FILE',
    'HERALD_TOO_MANY_BYTES',
    'HERALD_TOO_MANY_PIXELS',
    'HERALD_TOO_MANY_PAGES',
    'HERALD_TOO_MUCH_MEMORY',
    'HERALD_TOO_MUCH_OUTPUT',
    'HERALD_CANNOT_FIT',
    'HERALD_LOCKED_FILE',
    'HERALD_TIMEOUT',
    'HERALD_CANNOT_WRITE',
    'HERALD_INTERNAL',
  ]

  test.each(Object.keys(errorTable) as ErrorCode[])('%s: or is the caller’s own affair', (code) => {
    const error = new HeraldError(code, 'It failed.')
    expect(isFailureAnnounced(error, ['ada@example.com'], 'attended')).toBe(told.includes(code))
    expect(isFailureAnnounced(error, ['ada@example.com'], 'unattended')).toBe(
      code !== 'HERALD_CANCELLED',
    )
    expect(isFailureAnnounced(error, [], 'unattended')).toBe(false)
    expect(isFailureAnnounced(error, [''], 'attended')).toBe(false)
  })

  test('a refusal from the header, a budget that is used up', async () => {
    const strict = await startConverter({ HERALD_MAX_PIXELS: '10000', HERALD_TIMEOUT: '1s' })
    onTestFinished(() => strict.close())
    const shop = await openWorkshop(strict.address)
    onTestFinished(() => shop.close())
    await writeFile(shop.path('vast.png'), gradient(200, 200))
    const endless = '<rect id="a" width="9" height="9"/>'
    const bomb = Array.from({ length: 9 }, (_, level) => {
      const uses = `<use href="#${'abcdefghi'[level]}"/>`.repeat(10)
      return `<g id="${'bcdefghij'[level]}">${uses}</g>`
    }).join('')
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><defs>${endless}${bomb}</defs><use href="#j"/></svg>`
    await writeFile(shop.path('bomb.svg'), svg)
    const args = ['convert', 'vast.png', 'bomb.svg', '--to', 'webp', '-n', 'ada@example.com']
    expect((await shop.herald(args)).status).toBe(3)
    const codes = (await readTopic(shop.brokerUrl)).map(
      ({ event }) => 'code' in event.data && event.data.code,
    )
    expect(codes.sort()).toEqual(['HERALD_TIMEOUT', 'HERALD_TOO_MANY_PIXELS'])
  })
})

describe('a broker that is down', () => {
  test('costs a line of warning; the announcement is kept, listed and sent by the next command', async () => {
    const shop = await workshop({ 'a.png': picture })
    // Each a process of its own: the relay of one must be gone before the next begins.
    const herald = (args: string[]) => shop.start(args).finished
    await mkdir(shop.path('data'))
    // A file where the broker's folder should be.
    await writeFile(shop.path('data', 'broker'), '')

    const args = ['convert', 'a.png', '--to', 'webp', '--notify', 'ada@example.com', '--json']
    const { status, stdout, stderr } = await herald(args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const line = JSON.parse(stdout)
    expect(line).toMatchObject({ ok: true, announced: false })
    expect(line.warning).toContain('kept and will be sent later: herald outbox flush')
    expect(await shop.names()).toContain('a.webp')

    const listed = await herald(['outbox'])
    expect(listed.status).toBe(0)
    expect(listed.stdout).toMatch(
      /^age +size +file +recipients +attempts +id +last error\n.* (\d+ B|[\d.]+ kB) +a\.png +1 +.*\n1 announcement, (\d+ B|[\d.]+ kB); the oldest is .* old\n$/,
    )
    const inJson = JSON.parse((await herald(['outbox', '--json'])).stdout)
    expect(inJson).toMatchObject({ file: 'a.png', setAsideUntil: null })
    expect(inJson.lastError).toMatch(/broker/)
    expect(inJson.sizeBytes).toBeGreaterThan(300)
    expect(inJson.ageMs).toBeGreaterThan(0)
    const flushed = await herald(['outbox', 'flush'])
    expect(flushed.status).toBe(5)
    expect(flushed.stderr).toMatch(/^herald: 1 announcement still waiting: .*broker/)

    await rm(shop.path('data', 'broker'))
    expect((await herald(['formats'])).status).toBe(0)
    const events = await readTopic(shop.brokerUrl)
    expect(events.map(({ envelope }) => envelope.id)).toEqual(line.eventIds)
    expect((await herald(['outbox', '--json'])).stdout).toBe('')
  })

  test('is named with the command that the caller uses, in a container too', async () => {
    const shop = await workshop({ 'a.png': picture })
    await mkdir(shop.path('data'))
    await writeFile(shop.path('data', 'broker'), '')
    const env = { HERALD_COMMAND: 'docker compose run --rm herald' }
    const converted = await shop.herald(['convert', 'a.png', '-t', 'gif'], env)
    const flushed = await shop.herald(['outbox', 'flush'], env)
    for (const { stderr } of [converted, flushed]) {
      expect(stderr).toContain(': docker compose run --rm herald outbox flush')
    }
  })

  test('is reported in one line', async () => {
    const shop = await workshop({ 'a.png': picture, 'b.png': picture })
    await mkdir(shop.path('data'))
    await writeFile(shop.path('data', 'broker'), '')
    const { status, stdout, stderr } = await shop.herald(['convert', 'a.png', 'b.png', '-t', 'gif'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^✓ a\.png .* announcement kept\n✓ b\.png .* announcement kept\n$/)
    expect(stderr).toMatch(/^! The announcement is kept and will be sent later.*\n/)
    expect(stderr.split('kept and will be')).toHaveLength(2)
  })

  test('what the broker refuses because of the event itself is set aside and reported', async () => {
    const shop = await workshop()
    const outbox = await openOutbox(shop.path('data', 'outbox'), {
      broker: shop.brokerUrl,
      logger: silentLogger,
    })
    const value = Buffer.alloc(900_000)
    const huge = { key: null, value, headers: { ce_id: Buffer.from('1') } }
    await outbox.prepare({ topic: 'not a topic', messages: [huge], files: [], label: 'huge' })
    await outbox.close()
    expect((await shop.herald(['outbox', 'flush'])).status).toBe(5)
    const { stdout } = await shop.herald(['outbox'])
    expect(stdout).toMatch(
      / 900 kB +huge +1 +1 +[\da-f-]{36} +set aside for (59|60|[\d.]+ s|1 min)/,
    )
    expect(stdout).toMatch(/\n1 announcement, 900 kB; the oldest is .* old; 1 set aside\n$/)
  })

  test('what was prepared for another broker is neither sent to this one nor called announced', async () => {
    const shop = await workshop({ 'a.png': picture })
    // Nothing listens there; the user and the password are nobody's business.
    const HERALD_BROKER = 'kafka://ada:secret@127.0.0.1:1?connectTimeoutMs=200'
    const args = ['convert', 'a.png', '--to', 'webp', '-n', 'ada@example.com', '--json']
    expect(JSON.parse((await shop.herald(args, { HERALD_BROKER })).stdout)).toMatchObject({
      ok: true,
      announced: false,
    })
    const flushed = await shop.herald(['outbox', 'flush'])
    expect(flushed.status).toBe(5)
    expect(flushed.stderr).toContain('1 announcement for another broker, kafka://127.0.0.1:1')
    const listed = await shop.herald(['outbox'])
    expect(listed.stdout).toMatch(/for kafka:\/\/127\.0\.0\.1:1\n1 announcement.*; 1 for kafka:/)
    expect(listed.stdout).not.toMatch(/ada:|secret/)
    expect(await readTopic(shop.brokerUrl)).toEqual([])
  })

  test('flush sends all announcements and prints their number', async () => {
    const shop = await workshop({ 'a.png': picture, 'b.png': picture })
    await mkdir(shop.path('data'))
    await writeFile(shop.path('data', 'broker'), '')
    await shop.herald(['convert', 'a.png', 'b.png', '--to', 'webp'])
    await rm(shop.path('data', 'broker'))
    const { status, stderr } = await shop.herald(['outbox', 'flush'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '2 announcements sent.\n' })
    expect((await shop.herald(['outbox', 'flush'])).stderr).toBe('Nothing was waiting.\n')
    expect(await readTopic(shop.brokerUrl)).toHaveLength(2)
  })

  test('that takes calls and never answers does not keep the command from ending', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as { port: number }
    const shop = await workshop({ 'a.png': picture, 'b.png': picture })

    const args = ['convert', 'a.png', 'b.png', '--to', 'webp']
    const late = await shop.herald(args, { HERALD_BROKER: `kafka://127.0.0.1:${port}` })
    expect(late.status).toBe(0)
    expect(late.stderr).toContain('kept and will be sent later')
  })
})

test('the outbox is left empty, with nothing but its store in the data folder', async () => {
  const shop = await workshop({ 'a.png': picture })
  await shop.herald(['convert', 'a.png', '--to', 'webp'])
  const { status, stderr } = await shop.herald(['outbox'])
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: 'The outbox is empty: everything is announced.\n',
  })
  expect((await readdir(shop.path('data'))).sort()).toEqual(['broker', 'outbox'])
})
