import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceError } from '@grpc/grpc-js'
import type { RenditionSpec } from '@herald/proto/converter'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert, type Refusal, readRefusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { noise, twoHalves } from './pictures.js'
import { waitFor } from './wait-for.js'

const idleMs = 600
let converter: ConverterUnderTest
beforeAll(async () => {
  const uploadLimits = { idleMs, uploadRate: 10_000, uploadTimeoutMs: 4 * idleMs }
  converter = await startConverter({ children: 1, queue: 1, peerShare: 1, ...uploadLimits })
})
afterAll(() => converter.close())

const small = await twoHalves().png().toBuffer()
const spec = { fileName: 'x', renditions: [{ format: 'png' }] }

/** Begins a conversion and hands the call over when it is admitted; resolves to how it fails. */
function upload(
  send: (write: (chunk: Buffer) => void, over: AbortSignal) => unknown,
  renditions: RenditionSpec[] = spec.renditions,
): Promise<Refusal> {
  const call = converter.client.convert()
  const over = new AbortController()
  const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve))
  call.on('data', ({ admitted }) => {
    if (admitted) send((chunk) => call.write({ chunk }), over.signal)
  })
  call.write({ spec: { ...spec, renditions } })
  return failed.then((error) => {
    over.abort()
    return readRefusal(error)
  })
}

const every = async (ms: number, over: AbortSignal, act: () => void) => {
  while (!over.aborted) {
    act()
    await delay(ms)
  }
}

describe('an upload is ended', () => {
  test('if it consists of empty chunks', async () => {
    const failed = upload((write, over) => every(idleMs / 4, over, () => write(Buffer.alloc(0))))
    expect(await failed).toMatchObject({
      code: 'HERALD_TIMEOUT',
      message: 'No data arrived for 0.6 s.',
    })
  })

  test('if it comes byte by byte', async () => {
    const failed = upload((write, over) => every(idleMs / 4, over, () => write(Buffer.alloc(1))))
    expect(await failed).toMatchObject({
      code: 'HERALD_TIMEOUT',
      message: expect.stringMatching(/^Only \d bytes arrived in 0\.6 s; .* requires 10,000 bytes/),
    })
  })

  test('if all of it takes too long, however steady it is', async () => {
    const steady = Buffer.concat([small, Buffer.alloc(1000)])
    const failed = upload((write, over) => every(idleMs / 10, over, () => write(steady)))
    expect(await failed).toMatchObject({
      code: 'HERALD_TIMEOUT',
      message: "The upload took longer than this server's limit of 2.4 s.",
    })
  })

  test('if it is never half-closed', async () => {
    expect(await upload((write) => write(small))).toMatchObject({ code: 'HERALD_TIMEOUT' })
  })
})

test('stalled uploads do not keep others from converting', async () => {
  const rude = Array.from({ length: 40 }, () => {
    const call = converter.client.convert()
    call.on('error', () => {})
    call.write({ spec })
    const admitted = new Promise<void>((resolve, reject) => {
      call.on('data', (message) => message.admitted && resolve())
      call.on('error', reject)
    })
    return { call, admitted }
  })
  await Promise.all(rude.map(({ admitted }) => admitted))
  const { renditions } = await convert(converter.client, small, ['webp'])
  expect(renditions).toHaveLength(1)
  for (const { call } of rude) call.cancel()
})

describe('an oversized message', () => {
  test.each([
    ['a chunk of 1 MiB and a byte', 1024 ** 2 + 1],
    ['a chunk of 5 MiB', 5 * 1024 ** 2],
  ])('%s is refused with its code', async (_what, bytes) => {
    const failed = upload((write) => write(Buffer.alloc(bytes)))
    expect(await failed).toMatchObject({
      code: 'HERALD_BAD_SPEC',
      remedy: expect.stringContaining('1,048,576 bytes'),
    })
  })
})

describe('a client that does not read', () => {
  test('is disconnected, and what its call held is released', async () => {
    const bytes = await noise(700, 700).png().toBuffer()
    const client = connectHttp2(`http://${converter.address}`)
    const stream = client.request({
      ':method': 'POST',
      ':path': '/herald.converter.v1.ConverterService/Convert',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', () => {})
    client.on('error', () => {})
    const gone = once(client, 'close')
    const { serialize } = await requestSerializer()
    stream.write(frame(serialize({ spec: { ...spec, renditions: [{ format: 'tiff' }] } })))
    stream.write(frame(serialize({ chunk: bytes })))
    stream.end()
    // Never read: HTTP/2's window of 64 KiB is all that goes through.
    await gone
    await converter.spoolEmpties()
    expect(
      await converter.app.metrics.getSingleMetricAsString('herald_conversions_admitted'),
    ).toMatch(/ 0$/m)
  })
})

test('1,000 connections without calls are closed, and do not keep others from converting', async () => {
  const sockets = await Promise.all(
    Array.from({ length: 1000 }, async () => {
      const [host = '', port] = converter.address.split(':')
      const socket = connect(Number(port), host)
      await once(socket, 'connect')
      return socket.resume()
    }),
  )
  const { renditions } = await convert(converter.client, small, ['webp'])
  expect(renditions).toHaveLength(1)
  await waitFor(() => expect(sockets.filter(({ destroyed }) => !destroyed)).toHaveLength(0))
})

async function requestSerializer() {
  const { ConverterService } = await import('@herald/proto/converter')
  return { serialize: ConverterService.service.Convert.requestSerialize }
}

/** A message as gRPC frames it: not compressed, its length. */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
