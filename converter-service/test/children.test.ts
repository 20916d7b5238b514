import { credentials, type ServiceError, status } from '@grpc/grpc-js'
import { ConverterService } from '@herald/proto/converter'
import { afterEach, expect, test } from 'vitest'
import { convert, readRefusal, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { startEndless } from './endless.js'
import { noise, svgBomb, svgText, twoHalves } from './pictures.js'
import { busiest, isRunning } from './processes.js'
import { waitFor } from './wait-for.js'
import { openWire } from './wire.js'

let converter: ConverterUnderTest
afterEach(() => converter.close())

const small = await twoHalves().png().toBuffer()
/** Keeps a child busy until it is killed. */
const bomb = svgBomb()

const occupy = (client = converter.client) => startEndless(client)

test('a conversion past its time is killed, and the next one succeeds', async () => {
  converter = await startConverter({ children: 1, timeoutMs: 1000 })
  const before = converter.app.pids()
  const refused = await refusal(converter.client, bomb, ['png'])
  expect(refused).toMatchObject({
    status: status.DEADLINE_EXCEEDED,
    code: 'HERALD_TIMEOUT',
    message: expect.stringContaining('1 s'),
  })
  expect((await convert(converter.client, small, ['webp'])).renditions).toHaveLength(1)
  expect(converter.app.pids()).not.toEqual(before)
  expect(isRunning(before[0] ?? 0)).toBe(false)
  await converter.spoolEmpties()
})

test('waiting for a child process does not count as work', async () => {
  converter = await startConverter({ children: 1, timeoutMs: 700 })
  const first = await occupy()
  // A drawing: no other child takes it meanwhile.
  const { summary } = await convert(converter.client, Buffer.from(svgText), ['webp'])
  expect(summary.conversionMs).toBeLessThan(summary.queueMs)
  expect((await first.failed).code).toBe('HERALD_TIMEOUT')
})

test('a cancelled call kills its child', async () => {
  converter = await startConverter({ children: 1 })
  const { call, failed } = await occupy()
  const [pid = 0] = converter.app.pids()
  call.cancel()
  await waitFor(() => expect(isRunning(pid)).toBe(false))
  expect((await failed).status).toBe(status.CANCELLED)
  await converter.spoolEmpties()
  expect((await convert(converter.client, small, ['webp'])).renditions).toHaveLength(1)
})

test('a broken connection kills its child too', async () => {
  converter = await startConverter({ children: 1 })
  const wire = await openWire(converter.address)
  const client = new ConverterService(wire.address, credentials.createInsecure())
  const { failed } = await occupy(client)
  const [pid = 0] = converter.app.pids()
  wire.cut()
  await waitFor(() => expect(isRunning(pid)).toBe(false))
  expect((await failed).status).toBe(status.UNAVAILABLE)
  await converter.spoolEmpties()
  client.close()
})

test('a killed child fails only its own conversion', async () => {
  converter = await startConverter({ children: 2 })
  const before = converter.app.pids()
  const doomed = await occupy()
  const other = await convert(converter.client, small, ['webp'])
  expect(other.renditions).toHaveLength(1)
  const victim = await waitFor(() => busiest(before))
  process.kill(victim, 'SIGKILL')
  expect(await doomed.failed).toMatchObject({
    status: status.INTERNAL,
    code: 'HERALD_INTERNAL',
    message: expect.stringContaining('child process crashed'),
    remedy: expect.stringContaining('Try again'),
  })
  await waitFor(() => expect(converter.app.pids()).toHaveLength(3))
  expect(converter.app.pids()).not.toContain(victim)
  expect((await convert(converter.client, small, ['webp'])).renditions).toHaveLength(1)
})

test('a child that takes too much memory is killed', async () => {
  converter = await startConverter({ children: 1, memoryBytes: 1 })
  const large = await noise(3000, 2000).png({ compressionLevel: 1 }).toBuffer()
  expect(await refusal(converter.client, large, ['avif'])).toMatchObject({
    status: status.RESOURCE_EXHAUSTED,
    code: 'HERALD_TOO_MUCH_MEMORY',
  })
})

test('when the server is full the next caller is refused as busy', async () => {
  converter = await startConverter({ children: 1, queue: 1 })
  const running = await occupy()
  const waiting = converter.client.convert()
  waiting.on('error', () => {})
  await new Promise<void>((resolve) => {
    waiting.on('data', ({ admitted, progress }) => {
      if (admitted) waiting.write({ chunk: bomb }, () => waiting.end())
      if (progress?.stage === 'STAGE_QUEUED') resolve()
    })
    waiting.write({ spec: { fileName: 'x', renditions: [{ format: 'png' }] } })
  })
  const refused = await refusal(converter.client, small, ['webp'])
  expect(refused).toMatchObject({ status: status.UNAVAILABLE, code: 'HERALD_BUSY', parts: [] })
  waiting.cancel()
  running.call.cancel()
  await waitFor(async () =>
    expect((await convert(converter.client, small, ['webp'])).renditions).toHaveLength(1),
  )
})

test('a stop admits no call and finishes running ones', async () => {
  converter = await startConverter({ children: 1, timeoutMs: 1500 })
  const underWay = await occupy()
  const pids = converter.app.pids()
  const stopped = converter.stop()
  expect(converter.app.notReady()).toContain('stopping')
  expect(await refusal(converter.client, small, ['webp'])).toMatchObject({
    status: status.UNAVAILABLE,
    code: 'HERALD_SHUTTING_DOWN',
  })
  expect((await underWay.failed).code).toBe('HERALD_TIMEOUT')
  await stopped
  expect(pids.filter(isRunning)).toEqual([])
})

test('a stalled upload is ended', async () => {
  converter = await startConverter({ children: 1, idleMs: 300 })
  const call = converter.client.convert()
  const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve).resume())
  call.write({ spec: { fileName: 'x', renditions: [{ format: 'png' }] } })
  expect(readRefusal(await failed)).toMatchObject({
    code: 'HERALD_TIMEOUT',
    message: 'No data arrived for 0.3 s.',
  })
})

test('many conversions at once, some of them endless, all end as expected', async () => {
  converter = await startConverter({ children: 2, queue: 40, timeoutMs: 1500 })
  const outcomes = await Promise.all(
    Array.from({ length: 24 }, (_, index) =>
      index % 6 === 0
        ? refusal(converter.client, bomb, ['png']).then(({ code }) => code)
        : convert(converter.client, small, ['webp', 'png']).then(() => 'ok'),
    ),
  )
  expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(20)
  expect(outcomes.filter((outcome) => outcome === 'HERALD_TIMEOUT')).toHaveLength(4)
  await waitFor(() => expect(converter.app.pids()).toHaveLength(3))
  await converter.spoolEmpties()
})

test('children are replaced after their share of tasks without a delay', async () => {
  converter = await startConverter({ children: 1, tasksPerChild: 5 })
  const before = converter.app.pids()
  const waits: number[] = []
  for (let time = 0; time < 12; time++) {
    waits.push((await convert(converter.client, small, ['webp'])).summary.queueMs)
    expect(converter.app.pids().length).toBeGreaterThanOrEqual(2)
  }
  await waitFor(() => expect(isRunning(before[0] ?? 0)).toBe(false))
  await waitFor(() => expect(converter.app.pids()).toHaveLength(2))
  const told = await converter.app.metrics.getSingleMetricAsString('herald_children_ended_total')
  expect(told).toMatch(/reason="retired"/)
  expect(told).not.toMatch(/reason="crash"/)
  console.log(`waited for a child: ${waits.map((ms) => ms.toFixed(1)).join(', ')} ms`)
})
