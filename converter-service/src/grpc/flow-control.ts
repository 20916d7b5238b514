import { subscribe } from 'node:diagnostics_channel'
import type { Http2Session, ServerHttp2Stream } from 'node:http2'

/** Of a stream and of a connection, in bytes. */
export const windowBytes = 512 * 1024

/**
 * Enlarges HTTP/2's window of 64 KiB for uploads, which a server of grpc-js has no option for
 * (grpc-node#3058): at a round trip of 20 ms it allows 2 MB/s. It takes effect from the first call of a
 * connection, in every HTTP/2 server of this process. Node publishes new streams from 22.17 on; with an
 * older one the window stays as it is.
 */
export function enlargeUploadWindows(): void {
  const done = new WeakSet<Http2Session>()
  subscribe('http2.server.stream.created', (message) => {
    const { session } = (message as { readonly stream: ServerHttp2Stream }).stream
    if (session === undefined || done.has(session)) return
    done.add(session)
    session.settings({ initialWindowSize: windowBytes })
    session.setLocalWindowSize(windowBytes)
  })
}
