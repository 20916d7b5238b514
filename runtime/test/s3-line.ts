import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

/** A connection to a server as it may be: it never answers, stops within a blob, or is slow. */
export type LineMode = 'open' | 'silent' | 'halfway' | 'slow'

const halfwayBytes = 3_000_000

/** A TCP proxy before the server at `endpoint`. `mode` may be changed at any time. */
export async function openLine(endpoint: string) {
  const { port } = new URL(endpoint)
  const line = { mode: 'open' as LineMode, endpoint: '' }
  const sockets = new Set<Socket>()
  const pass = async (from: Socket, to: Socket) => {
    let passedBytes = 0
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      passedBytes += chunk.length
      // Nothing more arrives, and nothing is closed.
      if (line.mode === 'silent') return
      if (line.mode === 'halfway' && passedBytes > halfwayBytes) return
      if (line.mode === 'slow') await sleep(20)
      if (!to.write(chunk)) await once(to, 'drain')
    }
    to.end()
  }
  const proxy = createServer((client) => {
    const server = connect(Number(port), '127.0.0.1')
    sockets.add(client).add(server)
    for (const socket of [client, server]) socket.on('error', () => {})
    pass(client, server).catch(() => server.destroy())
    pass(server, client).catch(() => client.destroy())
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    proxy.close()
    for (const socket of sockets) socket.destroy()
  })
  await once(proxy, 'listening')
  line.endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  return line
}
