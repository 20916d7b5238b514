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

/** The error of a converter to which there is no connection after `afterMs`. */
export const notConnected = (address: string, afterMs: number): HeraldError =>
  unreachable(
    `The converter at ${address} cannot be reached: no connection in ${afterMs / 1000} s.`,
  )

/** The error of a call that cannot be repeated because its upload is used up. */
export const lostInUpload = (cause: HeraldError): HeraldError =>
  new HeraldError(
    'HERALD_UNREACHABLE',
    'The connection to the converter was lost during the upload.',
    { remedy: 'Send the file again.', cause },
  )

/** Why a call waits if no converter has taken or refused it after `afterMs`. */
export const notAnswered = (afterMs: number): HeraldError =>
  unreachable(`No converter has answered within ${afterMs / 1000} s.`)

/** One converter that did not take a call, and why. */
export interface Refusal {
  readonly address: string
  readonly error: HeraldError
}

/** The error if all converters, at least one, refused: that of the only one, or one with the reason of each. */
export function noneAvailable(refusals: readonly Refusal[]): HeraldError {
  const [first] = refusals
  if (first && refusals.length === 1) return first.error
  const hasCode = (code: HeraldError['code']) => refusals.some(({ error }) => error.code === code)
  // The one with which trying again has the best chance: it is tried for longest.
  const code = (['HERALD_BUSY', 'HERALD_SHUTTING_DOWN'] as const).find(hasCode)
  const reasons = refusals.map(({ address, error }) => `${address} (${reasonOf(error)})`)
  return new HeraldError(
    code ?? 'HERALD_UNREACHABLE',
    `None of ${refusals.length} converters is available: ${reasons.join(', ')}.`,
    {
      remedy: code
        ? 'Try again in a moment.'
        : 'Start one of them, or name others with HERALD_CONVERTER.',
      cause: first?.error,
    },
  )
}

const systemReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ECONNRESET: 'connection lost',
  ETIMEDOUT: 'no connection in time',
}

function reasonOf({ publicMessage, cause }: HeraldError): string {
  const details = isServiceError(cause) && cause.code === status.UNAVAILABLE ? cause.details : ''
  const systemCode = /\bE[A-Z]{4,}\b/.exec(details)?.[0] ?? ''
  if (/name resolution/i.test(details)) return 'unknown host'
  return (
    systemReasons[systemCode] ??
    publicMessage.replace(/^The converter at \S+ (?:cannot be reached: )?/, '').replace(/\.$/, '')
  )
}

function unreachable(message: string, cause?: ServiceError): HeraldError {
  return new HeraldError('HERALD_UNREACHABLE', message, {
    remedy: 'Start one with `npm start`, or name another with HERALD_CONVERTER=host:port.',
    ...(cause ? { cause } : {}),
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
