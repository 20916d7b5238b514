import { type ServiceError, status } from '@grpc/grpc-js'
import type {
  ConversionSpec,
  ReceivedListFormatsResponse,
  RenditionSpec,
} from '@herald/proto/converter'
import sharp from 'sharp'
import { afterEach, describe, expect, test } from 'vitest'
import { convert, type Refusal, readRefusal, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { noise, svgBomb, twoHalves } from './pictures.js'
import { childrenOf, familyOf, isRunning, preloading } from './processes.js'
import { waitFor } from './wait-for.js'

let converter: ConverterUnderTest
afterEach(() => converter.close())

const small = await twoHalves().png().toBuffer()
const bomb = svgBomb()

describe('a budget of 1 s', () => {
  const noisy = noise(2400, 1800).png({ compressionLevel: 1 }).toBuffer()
  const tasks: readonly [string, () => Promise<Buffer> | Buffer, RenditionSpec][] = [
    ['AVIF of effort 9', () => noisy, { format: 'avif', effort: 9 }],
    ['a PNG with a palette', () => noisy, { format: 'png', palette: true, effort: 9 }],
    ['a GIF', () => noisy, { format: 'gif', effort: 9 }],
    ['a bomb of SVG', () => bomb, { format: 'png' }],
  ]
  test.each(tasks)('%s is ended at the limit', async (_what, source, rendition) => {
    converter = await startConverter({ children: 1, timeoutMs: 1000 })
    const bytes = await source()
    const before = converter.app.pids()
    expect((await refusal(converter.client, bytes, [rendition])).code).toBe('HERALD_TIMEOUT')
    // Either the first child or the child for short tasks has it.
    await waitFor(() => expect(before.filter(isRunning)).toHaveLength(before.length - 1))
    expect((await convert(converter.client, small, ['webp'])).renditions).toHaveLength(1)
    await converter.spoolEmpties()
  })
})

test('processor time is counted apart from time', async () => {
  converter = await startConverter({ children: 1, timeoutMs: 60_000, cpuMs: 300 })
  expect(await refusal(converter.client, bomb, ['png'])).toMatchObject({
    status: status.DEADLINE_EXCEEDED,
    code: 'HERALD_TIMEOUT',
    message: "The conversion used more processor time than this server's limit of 0.3 s.",
  })
})

test('a drawing of too many points to be drawn in time is named as such', async () => {
  // Enough to read its header on a busy machine. Drawing it takes minutes.
  converter = await startConverter({ children: 1, timeoutMs: 8000 })
  const at = (index: number) => `${(index * 7919) % 997},${(index * 104_729) % 991}`
  const points = Array.from({ length: 720_000 }, (_, index) => at(index)).join(' ')
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="1000"><path fill="none" stroke="#000" d="M${points}"/></svg>`
  expect(await refusal(converter.client, Buffer.from(drawing), ['png'])).toMatchObject({
    code: 'HERALD_TIMEOUT',
    message:
      "The conversion took longer than this server's limit of 8 s. Its paths have about 720,000 points, which take long to draw.",
    remedy: 'Simplify its paths, or export the drawing as PNG.',
  })
})

test('what a child starts counts as its own memory, and ends with it', async () => {
  converter = await startConverter({
    children: 1,
    memoryBytes: 400 * 1024 ** 2,
    childEnv: preloading('start-a-glutton'),
  })
  const family = await familyOf(converter.app.pids()[0] ?? 0)
  expect(family).toHaveLength(2)
  expect(await refusal(converter.client, bomb, ['png'])).toMatchObject({
    status: status.RESOURCE_EXHAUSTED,
    code: 'HERALD_TOO_MUCH_MEMORY',
    message: expect.stringContaining('419 MB'),
  })
  await waitFor(() => expect(family.filter(isRunning)).toEqual([]))
})

test('what a child started is ended with the conversion', async () => {
  converter = await startConverter({
    children: 1,
    timeoutMs: 1000,
    childEnv: preloading('start-a-sleeper'),
  })
  const [child = 0] = converter.app.pids()
  const [sleeper = 0] = await childrenOf(child)
  expect(isRunning(sleeper)).toBe(true)
  expect((await refusal(converter.client, bomb, ['png'])).code).toBe('HERALD_TIMEOUT')
  await waitFor(() => expect([child, sleeper].filter(isRunning)).toEqual([]))
})

test('the renditions together may not have more bytes than the limit', async () => {
  converter = await startConverter({ maxOutputBytes: 1_000_000 })
  const picture = await noise(500, 500).png().toBuffer()
  const tiff = { format: 'tiff' }
  expect((await convert(converter.client, picture, [tiff])).renditions).toHaveLength(1)
  const refused = await refusal(converter.client, picture, [tiff, tiff, tiff])
  expect(refused).toMatchObject({
    status: status.RESOURCE_EXHAUSTED,
    code: 'HERALD_TOO_MUCH_OUTPUT',
    message: expect.stringContaining('1,000,000 bytes'),
  })
})

test('the deadline of the caller ends the work too', async () => {
  converter = await startConverter({ children: 1 })
  const [child = 0] = converter.app.pids()
  const call = converter.client.convert({ deadline: Date.now() + 1500 })
  const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve))
  call.on('data', ({ admitted }) => {
    if (!admitted) return
    call.write({ chunk: bomb })
    call.end()
  })
  call.write({ spec: { fileName: 'x', renditions: [{ format: 'png' }] } })
  expect((await failed).code).toBe(status.DEADLINE_EXCEEDED)
  await waitFor(() => expect(isRunning(child)).toBe(false))
  await converter.spoolEmpties()
})

test('the limits in force are listed', async () => {
  converter = await startConverter({ cpuMs: 90_000, memoryBytes: 3e9, maxOutputBytes: 5e8 })
  const { limits } = await new Promise<ReceivedListFormatsResponse>((resolve, reject) =>
    converter.client.listFormats({}, (error, answer) => (answer ? resolve(answer) : reject(error))),
  )
  expect(limits).toMatchObject({ cpuMs: 90_000, memoryBytes: 3e9, maxOutputBytes: 5e8 })
})

test('a summary has what was used', async () => {
  converter = await startConverter()
  const { summary, progress } = await convert(converter.client, small, ['webp', 'avif'])
  expect(summary.cpuMs).toBeGreaterThan(1)
  expect(summary.peakMemoryBytes).toBeGreaterThan(30 * 1024 ** 2)
  expect(summary.estimatedMs).toBeGreaterThan(1)
  expect(progress.at(-1)).toMatchObject({
    renditionsDone: 2,
    renditionsTotal: 2,
    estimatedMs: summary.estimatedMs,
  })
})

describe('what is too large is refused from its header', () => {
  const flatPng = sharp({
    create: { width: 16_000, height: 16_000, channels: 3, background: '#2a6' },
  })
    .png({ compressionLevel: 9, palette: false })
    .toBuffer()
  test.each<[string, () => Promise<Buffer>]>([
    ['a flat PNG of 16,000 × 16,000', () => flatPng],
    ['an AVIF of 17,000 × 17,000', () => hugeAvif(17_000)],
  ])('%s', async (_what, source) => {
    converter = await startConverter()
    const bytes = await source()
    expect(await refusalFromHeader(bytes)).toMatchObject({
      code: 'HERALD_TOO_MANY_PIXELS',
      message: expect.stringContaining('50,000,000'),
    })
  })
})

test.each<[string, Partial<ConversionSpec>]>([
  ['announced', { sizeBytes: 2 * 1024 ** 3 }],
  ['not announced', {}],
])('an upload of 2 GiB that was %s is refused at the limit', async (_what, spec) => {
  converter = await startConverter({ maxBytes: 8 * 1024 ** 2 })
  const call = converter.client.convert()
  const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve))
  const chunk = Buffer.alloc(256 * 1024)
  small.copy(chunk)
  let sent = 0
  let over = false
  const send = () => {
    while (!over && sent < 2 * 1024 ** 3) {
      sent += chunk.length
      if (!call.write({ chunk })) return
    }
  }
  call.on('drain', send)
  call.on('data', ({ admitted }) => admitted && send())
  call.write({ spec: { fileName: 'x', renditions: [{ format: 'png' }], ...spec } })
  const refused = readRefusal(await failed)
  over = true
  console.log(`2 GiB: refused after ${(sent / 1024 ** 2).toFixed(1)} MiB of a limit of 8 MiB`)
  expect(refused).toMatchObject({
    code: 'HERALD_TOO_MANY_BYTES',
    message: expect.stringContaining('8.4 MB'),
  })
  // What was on its way when the limit was reached counts as sent.
  expect(sent).toBeLessThan(spec.sizeBytes ? 1 : 32 * 1024 ** 2)
})

/** The refusal, which has to come before the conversion begins. */
async function refusalFromHeader(bytes: Buffer): Promise<Refusal> {
  const call = converter.client.convert()
  const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve))
  call.on('data', ({ admitted, progress }) => {
    expect.soft(progress?.renditionsTotal ?? 0).toBe(0)
    if (!admitted) return
    for (let at = 0; at < bytes.length; at += 256 * 1024) {
      call.write({ chunk: bytes.subarray(at, at + 256 * 1024) })
    }
    call.end()
  })
  call.write({ spec: { fileName: 'x', renditions: [{ format: 'webp', width: 100 }] } })
  return readRefusal(await failed)
}

/** A small AVIF whose header claims to be that large, in its ispe box (ISO 23008-12). */
async function hugeAvif(side: number): Promise<Buffer> {
  const bytes = await noise(64, 64).avif({ effort: 0 }).toBuffer()
  const at = bytes.indexOf('ispe', 0, 'latin1')
  bytes.writeUInt32BE(side, at + 8)
  bytes.writeUInt32BE(side, at + 12)
  return bytes
}
