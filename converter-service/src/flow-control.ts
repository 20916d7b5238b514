import type { Http2Server, ServerHttp2Session } from 'node:http2'
import type { Server } from '@grpc/grpc-js'

/**
 * How much a caller may send before the server acknowledges some of it. HTTP/2's 64 KiB (RFC 9113,
 * §6.5.2) are a quarter of a chunk: over loopback that costs an upload a third of its time, over a
 * line of 20 ms it leaves 3 MB/s.
 */
export const windowBytes = 512 * 1024

/**
 * Opens the window of every connection and stream. grpc-js has an option for that
 * (`grpc-node.flow_control_window`), but of its clients only: hence the way to its HTTP/2 servers.
 * To be called when `server` accepts connections.
 */
export function openWindows(server: Server): void {
  const { http2Servers } = server as unknown as { http2Servers?: Map<Http2Server, unknown> }
  for (const http2Server of http2Servers?.keys() ?? []) {
    http2Server.on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(windowBytes)
      session.settings({ initialWindowSize: windowBytes })
    })
  }
}
