import { Metadata, type StatusObject, status } from '@grpc/grpc-js'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'

/** The status of a failed call; an unexpected error is logged and becomes HERALD_INTERNAL. */
export function failureStatus(error: unknown, logger: Logger): StatusObject {
  return errorStatus(toPublicError(error, logger))
}

/** The error to show: an unexpected one is logged and becomes HERALD_INTERNAL. */
export function toPublicError(error: unknown, logger: Logger): HeraldError {
  if (error instanceof HeraldError) return error
  logger.error({ err: error }, 'unexpected error')
  return new HeraldError('HERALD_INTERNAL', 'Something went wrong inside the server.', {
    remedy: "Try again; if it happens again, the server's log has the details.",
  })
}

export function errorStatus({
  code,
  grpcStatus,
  publicMessage,
  remedy,
}: HeraldError): StatusObject {
  const metadata = new Metadata()
  metadata.set('herald-error-code', code)
  if (remedy) metadata.set('herald-error-remedy', percentEncode(remedy))
  return { code: grpcStatus ?? status.INTERNAL, details: publicMessage, metadata }
}

/**
 * Percent-encodes what HTTP/2 headers cannot carry, and `%` itself. grpc-js does this for the
 * status message, but refuses such text in other trailers.
 */
function percentEncode(text: string): string {
  return text.replace(/[^ -$&-~]+/g, (part) => encodeURIComponent(part))
}
