import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A proxy in front of a port of loopback: it can keep back what the server sends, and cut its connections. */
export async function startProxy(port: number) {
  const sockets = new Set<Socket>()
  const upstreams = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    upstreams.add(upstream)
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  /** Until the connections are cut. */
  const keepBack = () => {
    for (const upstream of upstreams) upstream.unpipe()
  }
  const cut = () => {
    upstreams.clear()
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    server.close()
    cut()
  })
  const { port: own } = server.address() as { port: number }
  return { address: `127.0.0.1:${own}`, keepBack, cut }
}
