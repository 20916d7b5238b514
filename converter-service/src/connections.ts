import { createServer, type Socket } from 'node:net'
import { type Server, ServerCredentials } from '@grpc/grpc-js'

/**
 * The TCP connections of a gRPC server. grpc-js ends no single stream of a client that does not
 * read, so the connection is ended; for that it has to be ours.
 */
export class Connections {
  readonly #server
  readonly #sockets = new Map<string, Socket>()

  constructor(grpcServer: Server) {
    const injector = grpcServer.createConnectionInjector(ServerCredentials.createInsecure())
    // TCP's own probes, since an HTTP/2 ping after a GOAWAY ends running calls (grpc-node#3068).
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: 30_000 }
    this.#server = createServer({ noDelay: true, ...keepAlive }, (socket) => {
      const name = `${socket.remoteAddress}:${socket.remotePort}`
      this.#sockets.set(name, socket)
      socket.once('close', () => this.#sockets.delete(name))
      // The HTTP/2 session reports its end by itself.
      socket.on('error', () => {})
      injector.injectConnection(socket)
    })
  }

  /** Listens on `host:port`; resolves to the port. Rejects with the system's error. */
  listen(address: string): Promise<number> {
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
    const port = Number(address.slice(colon + 1))
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject)
        const bound = this.#server.address()
        resolve(typeof bound === 'object' && bound ? bound.port : port)
      })
    })
  }

  /** Accepts no further connection. */
  close(): void {
    this.#server.close()
  }

  /** Ends the connection of a peer as `call.getPeer()` names it, with all calls on it. */
  end(peer: string): void {
    this.#sockets.get(peer)?.destroy()
  }
}

/** The address of a peer, without the port of its connection. */
export function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(':'))
}
