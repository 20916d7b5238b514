import { type ServiceError, status } from '@grpc/grpc-js'
import { HeraldError, knownErrorCode } from '@herald/proto/errors'

/** A HeraldError for a failed call to the converter at `address`; any other error is returned unchanged. */
export function converterError(error: unknown, address: string): unknown {
  if (error instanceof HeraldError || !isServiceError(error)) return error
  const trailer = (name: string) => error.metadata?.get(name)[0]?.toString()
  const code = knownErrorCode(trailer('herald-error-code'))
  if (code !== undefined) {
    const remedy = decodedTrailer(trailer('herald-error-remedy'))
    return new HeraldError(code, error.details, { ...(remedy ? { remedy } : {}), cause: error })
  }
  switch (error.code) {
    case status.UNAVAILABLE:
      return unreachable(
        /name resolution/i.test(error.details)
          ? `The converter at ${address} cannot be reached: unknown host.`
          : `The converter at ${address} cannot be reached.`,
        error,
      )
    case status.DEADLINE_EXCEEDED:
      return unreachable(`The converter at ${address} does not answer.`, error)
    case status.UNIMPLEMENTED:
      return unreachable(`The server at ${address} is not a Herald converter.`, error)
    default:
      return new HeraldError('HERALD_INTERNAL', `The converter failed: ${error.details}`, {
        remedy: "See its log. If the file is not damaged, this is a bug in Herald's converter.",
        cause: error,
      })
  }
}

function unreachable(message: string, cause: ServiceError): HeraldError {
  return new HeraldError('HERALD_UNREACHABLE', message, {
    remedy: 'Start one with `npm start`, or name another with HERALD_CONVERTER=host:port.',
    cause,
  })
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'details' in error && 'metadata' in error && 'code' in error
}

/** The converter percent-encodes characters that are not allowed in a trailer. */
function decodedTrailer(text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text)
  } catch {
    return text
  }
}
