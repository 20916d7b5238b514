import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
  status,
} from '@grpc/grpc-js'
import { HeraldError } from '@herald/proto/errors'
import { describeBytes, maxChunkBytes } from '../limits.js'
import { errorStatus } from './call-errors.js'
import type { Connections } from './connections.js'

interface CallGuardOptions {
  /** How long a message or a status may stay unread. */
  readonly maxUnreadMs: number
  readonly connections: Connections
}

/**
 * Guards every call of every service. A client that does not read gets neither a status nor a
 * reset from grpc-js: trailers wait behind unread data. So its connection is ended, which frees
 * the memory of its calls. And what grpc-js itself refuses gets a `herald-error-code`.
 */
export function guardCalls({ maxUnreadMs, connections }: CallGuardOptions): ServerInterceptor {
  return (_method, call) => {
    const peer = call.getPeer()
    connections.callStarted(peer)
    let unread: NodeJS.Timeout | undefined
    let ended = false
    const watch = () => {
      clearTimeout(unread)
      if (ended) return
      unread = setTimeout(() => connections.end(peer), maxUnreadMs)
      unread.unref()
    }
    const { start, sendMessage, sendStatus } = call
    call.start = (listener) =>
      start.call(call, {
        ...bound(listener),
        // grpc-js calls it also when the trailers were sent.
        onCancel() {
          ended = true
          clearTimeout(unread)
          connections.callEnded(peer)
          listener.onCancel()
        },
      })
    call.sendMessage = (message, callback) => {
      watch()
      sendMessage.call(call, message, () => {
        clearTimeout(unread)
        callback()
      })
    }
    // grpc-js calls this method of its own call as well.
    call.sendStatus = (given) => {
      watch()
      sendStatus.call(call, withErrorCode(given))
    }
    return new ServerInterceptingCall(call)
  }
}

type Listener = Parameters<ServerInterceptingCall['start']>[0]
type Status = Parameters<ServerInterceptingCall['sendStatus']>[0]

function bound(listener: Listener): Listener {
  return {
    onReceiveMetadata: (metadata: Metadata) => listener.onReceiveMetadata(metadata),
    onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
    onReceiveHalfClose: () => listener.onReceiveHalfClose(),
    onCancel: () => listener.onCancel(),
  }
}

function withErrorCode(given: Status): Status {
  const hasCode = (given.metadata?.get('herald-error-code').length ?? 0) > 0
  if (given.code === status.OK || hasCode) return given
  if (given.code === status.DEADLINE_EXCEEDED) {
    return errorStatus(new HeraldError('HERALD_TIMEOUT', "The caller's deadline has passed."))
  }
  return errorStatus(
    new HeraldError('HERALD_BAD_SPEC', `A message cannot be read: ${given.details}.`, {
      remedy: `Send messages of the contract, with chunks of at most ${describeBytes(maxChunkBytes)}.`,
    }),
  )
}
