import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface SlowLine {
  readonly address: string
  /** Resolves when the other end has closed a connection. */
  readonly closed: Promise<void>
}

/** A line to `address` that brings so many bytes a second back, until the test ends. */
export async function slowLine(address: string, bytesPerSecond: number): Promise<SlowLine> {
  const [host = '', port] = address.split(':')
  const sockets = new Set<Socket>()
  let onClosed = () => {}
  const closed = new Promise<void>((resolve) => {
    onClosed = resolve
  })
  const server = createServer((near) => {
    const far = connect(Number(port), host)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => [near, far].map((each) => each.destroy()))
    }
    far.on('close', onClosed)
    near.pipe(far)
    far.on('data', (bytes) => {
      near.write(bytes)
      far.pause()
      setTimeout(() => far.resume(), (bytes.length / bytesPerSecond) * 1000)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, closed }
}
