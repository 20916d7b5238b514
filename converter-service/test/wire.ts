import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A connection to `address` that can be cut in the middle, as a pulled plug does it. */
export async function openWire(address: string): Promise<{ address: string; cut(): void }> {
  const [host = '', port] = address.split(':')
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(port), host)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
