// Preloaded into the converter. On SIGUSR2 each connection gets a graceful GOAWAY, as from a proxy
// that drains: streams under way may finish, new ones need another connection.
import http2 from 'node:http2'

const sessions = new Set()
const { createServer } = http2
http2.createServer = (...args) =>
  createServer(...args).on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
process.on('SIGUSR2', () => {
  for (const session of sessions) {
    session.goaway(http2.constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1)
    console.error('GOAWAY sent')
  }
})
