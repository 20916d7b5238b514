import { connect, type Socket } from 'node:net'
import type { ISocketFactory } from 'kafkajs'

/** Sockets that can be cut: they stay open, but transfer nothing. */
export function cuttableSockets(): { factory: ISocketFactory; cut(): number } {
  const sockets = new Set<Socket>()
  return {
    factory: ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect)
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return socket
    },
    /** Cuts the sockets that are open now, not later ones. Returns how many. */
    cut: () => {
      for (const socket of sockets) {
        socket.removeAllListeners('data')
        socket.write = () => true
      }
      return sockets.size
    },
  }
}
