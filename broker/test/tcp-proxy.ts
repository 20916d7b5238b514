import { connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { onTestFinished } from 'vitest'

/** A proxy in front of a port of loopback: it can keep back or delay what the server sends, and cut its connections. */
export async function startProxy(port: number) {
  const sockets = new Set<Socket>()
  const upstreams = new Set<Socket>()
  let delayMs = 0
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
    client
      .pipe(upstream)
      .pipe(delayed(() => delayMs))
      .pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  /** Until the connections are cut. */
  const keepBack = () => {
    for (const upstream of upstreams) upstream.unpipe()
  }
  const delayBy = (ms: number) => {
    delayMs = ms
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
  return { address: `127.0.0.1:${own}`, keepBack, delayBy, cut }
}

function delayed(delayMs: () => number): Transform {
  return new Transform({
    transform: (chunk, _encoding, done) => void setTimeout(done, delayMs(), null, chunk),
  })
}
