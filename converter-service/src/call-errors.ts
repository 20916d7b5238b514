import { Metadata, type StatusObject, status } from '@grpc/grpc-js'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'

/** What a caller is told of a failure: known ones by the table, defects in general terms. */
export function failureStatus(error: unknown, logger: Logger): StatusObject {
  const known = error instanceof HeraldError ? error : undefined
  if (!known) logger.error({ err: error }, 'a defect')
  const metadata = new Metadata()
  metadata.set('herald-error-code', known?.code ?? 'HERALD_INTERNAL')
  const remedy = known ? known.remedy : 'Try again; if it goes on, look into the log of the server.'
  if (remedy) metadata.set('herald-error-remedy', printable(remedy))
  return {
    code: known?.grpcStatus ?? status.INTERNAL,
    details: known?.publicMessage ?? 'Something went wrong inside the server.',
    metadata,
  }
}

/**
 * Percent-encodes what HTTP/2 headers cannot carry, and `%` itself. grpc-js does this for the
 * status message, but refuses such text in other trailers.
 */
function printable(text: string): string {
  return text.replace(/[^ -$&-~]+/g, (part) => encodeURIComponent(part))
}
