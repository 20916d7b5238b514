import { createServer, type Socket } from 'node:net'
import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js'

/** How long a client has to close its side of a connection that is being closed. */
const closeTimeoutMs = 1000

/**
 * The TCP connections of a gRPC server. Closes each one that has had no call for `idleMs`: the
 * option of grpc-js, `grpc.max_connection_idle_ms`, may take twice as long, because its timer fires
 * before the clock it compares with has moved on. And grpc-js cannot end a stream that its client
 * does not read, so `end` ends the connection.
 */
export class Connections {
  readonly #idleMs
  // TCP's own probes, since an HTTP/2 ping after a GOAWAY ends running calls (grpc-node#3068).
  readonly #listener = createServer({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  })
  readonly #open = new Map<string, Connection>()

  constructor({ idleMs }: { readonly idleMs: number }) {
    this.#idleMs = idleMs
  }

  /**
   * Listens on `host:port` for `server`, once; resolves to the port. Rejects with the system's
   * error.
   */
  listen(server: Server, address: string): Promise<number> {
    this.#listener.on('connection', (socket) => this.#accept(server, socket))
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
    const port = Number(address.slice(colon + 1))
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject)
      this.#listener.listen({ host, port }, () => {
        this.#listener.off('error', reject)
        const bound = this.#listener.address()
        resolve(typeof bound === 'object' && bound ? bound.port : port)
      })
    })
  }

  /** Accepts no further connection. */
  close(): void {
    this.#listener.close()
  }

  /** A call of `peer`, as `call.getPeer()` names it, has begun. */
  callStarted(peer: string): void {
    this.#open.get(peer)?.callStarted()
  }

  /** A call that had begun has ended. */
  callEnded(peer: string): void {
    this.#open.get(peer)?.callEnded()
  }

  /** Ends the connection of `peer` with all calls on it. */
  end(peer: string): void {
    this.#open.get(peer)?.end()
  }

  #accept(server: Server, socket: Socket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    // One injector for each connection: `drain` is how grpc-js closes connections gracefully.
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
    const connection = new Connection(socket, injector, this.#idleMs)
    this.#open.set(peer, connection)
    socket.once('close', () => this.#open.delete(peer))
  }
}

class Connection {
  readonly #socket
  readonly #injector
  readonly #idleMs
  #calls = 0
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, injector: ConnectionInjector, idleMs: number) {
    this.#socket = socket
    this.#injector = injector
    this.#idleMs = idleMs
    // The HTTP/2 session reports its end by itself.
    socket.on('error', () => {})
    socket.once('close', () => {
      clearTimeout(this.#timer)
      injector.destroy()
    })
    injector.injectConnection(socket)
    this.#closeWhenIdle()
  }

  callStarted(): void {
    this.#calls++
    clearTimeout(this.#timer)
  }

  callEnded(): void {
    this.#calls--
    if (this.#calls === 0) this.#closeWhenIdle()
  }

  end(): void {
    this.#socket.destroy()
  }

  #closeWhenIdle(): void {
    this.#timer = setTimeout(() => {
      this.#injector.drain(closeTimeoutMs)
      // A client that never closes its side would keep the socket.
      this.#timer = setTimeout(() => this.end(), closeTimeoutMs).unref()
    }, this.#idleMs).unref()
  }
}

/** The address of a peer, without the port of its connection. */
export function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(':'))
}
