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

interface Address {
  readonly host: string
  readonly port: number
}

/** Resolves when the broker at that address responds. Rejects after `timeoutMs`. */
export async function untilResponsive(
  { host, port }: Address,
  timeoutMs: number,
  tls = false,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await isResponsive({ host, port }, tls))) {
    if (Date.now() > end) throw new Error(`Kafka does not respond at ${host}:${port}`)
    await delay(50)
  }
}

function isResponsive({ host, port }: Address, tls: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const sendRequest = () => socket.write(request)
    const socket = tls
      ? // Only whether it responds is checked here, not its certificate.
        connectTls({ port, host, rejectUnauthorized: false }, sendRequest)
      : connect(port, host, sendRequest)
    let response = Buffer.alloc(0)
    socket.setTimeout(2000, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve(false))
    socket.on('data', (data) => {
      response = Buffer.concat([response, data])
      if (response.length < 10) return
      // Our correlation id, error code 0.
      resolve(response.readInt32BE(4) === 1 && response.readInt16BE(8) === 0)
      socket.destroy()
    })
  })
}
