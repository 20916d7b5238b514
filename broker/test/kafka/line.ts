import { connect, type Socket } from 'node:net'
import type { ISocketFactory } from 'kafkajs'

/** Sockets that can fall silent: open, but nothing comes or goes any more. */
export function cuttableLine(): { factory: ISocketFactory; cut(): number } {
  const sockets = new Set<Socket>()
  return {
    factory: ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect)
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return socket
    },
    /** Silences the lines that are open now, not those made later. Returns how many. */
    cut: () => {
      for (const socket of sockets) {
        socket.removeAllListeners('data')
        socket.write = () => true
      }
      return sockets.size
    },
  }
}
