import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { windowBytes } from '../src/grpc/flow-control.js'
import { type ProgramUnderTest, startProgram } from './program-under-test.js'
import { waitFor } from './wait-for.js'

let spool: string
let program: ProgramUnderTest
beforeAll(async () => {
  spool = await mkdtemp(join(tmpdir(), 'herald-flow-control-'))
  program = startProgram(spool)
})
afterAll(async () => {
  await program.end()
  await rm(spool, { recursive: true })
})

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const publishesStreams = major > 22 || (major === 22 && minor >= 17)

test('after its first call a connection may upload more than 64 KiB in a round trip, from Node 22.17 on', async () => {
  const { address } = await program.ready
  const session = connect(`http://${address}`)
  const call = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  call.end(Buffer.alloc(5))
  call.resume()
  await once(call, 'close')
  await waitFor(() => {
    const expected = publishesStreams ? windowBytes : 65_535
    expect(session.remoteSettings.initialWindowSize).toBe(expected)
    expect(session.state.remoteWindowSize).toBeGreaterThanOrEqual(expected - 5)
  })
  session.close()
})
