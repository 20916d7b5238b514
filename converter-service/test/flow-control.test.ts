import { once } from 'node:events'
import { connect } from 'node:http2'
import { windowBytes } from '@herald/converter-service/flow-control'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { waitFor } from './wait-for.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

// grpc-js has no option for it, so it is reached past its interface: another version may forget it.
test('a caller may send a chunk and more before the server has taken any of it', async () => {
  const session = connect(`http://${converter.address}`)
  await once(session, 'connect')
  await waitFor(() => {
    expect(session.remoteSettings.initialWindowSize).toBe(windowBytes)
    expect(session.state.remoteWindowSize).toBe(windowBytes)
  })
  session.close()
})
