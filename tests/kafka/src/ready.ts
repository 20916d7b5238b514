import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'

// ApiVersions, version 0: size, key 18, version, correlation id, no client id.
// https://kafka.apache.org/protocol#The_Messages_ApiVersions
const request = Buffer.alloc(14)
request.writeInt32BE(10, 0)
request.writeInt16BE(18, 4)
request.writeInt32BE(1, 8)
request.writeInt16BE(-1, 12)

/** Resolves when the broker on that port of loopback answers. Rejects when it does not in time. */
export async function answersApiVersions(
  port: number,
  timeoutMs: number,
  tls = false,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await ask(port, tls))) {
    if (Date.now() > end) throw new Error(`no Kafka answers on port ${port}`)
    await delay(50)
  }
}

function ask(port: number, tls: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const greet = () => socket.write(request)
    const socket = tls
      ? // Whether it answers is the question here, not who it is.
        connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, greet)
      : connect(port, '127.0.0.1', greet)
    let answer = Buffer.alloc(0)
    socket.setTimeout(2000, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve(false))
    socket.on('data', (data) => {
      answer = Buffer.concat([answer, data])
      if (answer.length < 10) return
      // Correlation id ours, error code 0.
      resolve(answer.readInt32BE(4) === 1 && answer.readInt16BE(8) === 0)
      socket.destroy()
    })
  })
}
