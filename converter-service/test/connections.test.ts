import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { Server } from '@grpc/grpc-js'
import { ConverterService, type ConverterServiceHandlers } from '@herald/proto/converter'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { guardCalls } from '#src/grpc/call-guard'
import { Connections } from '#src/grpc/connections'
import { waitFor } from './wait-for.js'

const idleMs = 3_600_000
let server: Server
let connections: Connections
let port: number

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  connections = new Connections({ idleMs })
  server = new Server({ interceptors: [guardCalls({ maxUnreadMs: 9 * idleMs, connections })] })
  const handlers: ConverterServiceHandlers = {
    ListFormats: (_call, callback) => callback(null, {}),
    Convert: (call) => call.resume().on('end', () => call.end()),
    Estimate: () => {},
    EstimateMany: () => {},
  }
  server.addService(ConverterService.service, handlers)
  port = await connections.listen(server, '127.0.0.1:0')
})
afterEach(() => {
  connections.close()
  server.forceShutdown()
  vi.useRealTimers()
})

async function open(): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`)
  // What is still open at the end is reset.
  session.on('error', () => {})
  await once(session, 'connect')
  await pingOf(session)
  return session
}

async function openTcp(): Promise<Socket> {
  const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  return socket.resume()
}

function start(session: ClientHttp2Session, method: string): ClientHttp2Stream {
  const path = `/herald.converter.v1.ConverterService/${method}`
  const type = { 'content-type': 'application/grpc', te: 'trailers' }
  return session.request({ ':method': 'POST', ':path': path, ...type }).resume()
}

async function listFormats(session: ClientHttp2Session) {
  const stream = start(session, 'ListFormats')
  stream.end(Buffer.alloc(5))
  const [trailers] = await once(stream, 'trailers')
  expect(trailers).toMatchObject({ 'grpc-status': '0' })
}

/** Resolves when the server has answered, and so has done all it does before. */
const pingOf = (session: ClientHttp2Session) =>
  new Promise<void>((resolve, reject) =>
    session.ping((error) => (error ? reject(error) : resolve())),
  )

test('a connection is closed when it has had no call for the idle time, and not before', async () => {
  const session = await open()
  vi.advanceTimersByTime(0.9 * idleMs)
  await pingOf(session)
  vi.advanceTimersByTime(0.11 * idleMs)
  const [code] = await once(session, 'goaway')
  expect(code).toBe(0)
  await waitFor(() => expect(session.destroyed).toBe(true))
})

test('the idle time begins again after each call', async () => {
  const session = await open()
  vi.advanceTimersByTime(0.9 * idleMs)
  await listFormats(session)
  vi.advanceTimersByTime(0.9 * idleMs)
  await pingOf(session)
  vi.advanceTimersByTime(0.11 * idleMs)
  await waitFor(() => expect(session.destroyed).toBe(true))
})

test('a call that runs keeps its connection', async () => {
  const session = await open()
  const running = start(session, 'Convert')
  await listFormats(session)
  vi.advanceTimersByTime(3 * idleMs)
  await pingOf(session)
  running.end()
  await once(running, 'close')
  await pingOf(session)
  vi.advanceTimersByTime(1.01 * idleMs)
  await waitFor(() => expect(session.destroyed).toBe(true))
})

test('a client that does not close its side is disconnected', async () => {
  const socket = await openTcp()
  const failed = once(socket, 'error')
  await pingOf(await open())
  vi.advanceTimersByTime(1.01 * idleMs)
  await once(socket, 'end')
  // Written to a closed socket: answered by a reset.
  await waitFor(() => {
    socket.write('x')
    expect(socket.destroyed).toBe(true)
  })
  expect((await failed)[0]).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
})

test('1,000 idle connections are closed together, and calls are answered meanwhile', async () => {
  const sockets = await Promise.all(Array.from({ length: 800 }, openTcp))
  const sessions = await Promise.all(Array.from({ length: 200 }, open))
  for (const socket of sockets) socket.on('end', () => socket.end())
  const honest = await open()
  vi.advanceTimersByTime(0.9 * idleMs)
  await listFormats(honest)
  vi.advanceTimersByTime(0.11 * idleMs)
  await waitFor(() => {
    expect(sockets.filter(({ destroyed }) => !destroyed)).toHaveLength(0)
    expect(sessions.filter(({ destroyed }) => !destroyed)).toHaveLength(0)
  })
  await listFormats(honest)
})
