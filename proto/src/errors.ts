import type { status as GrpcStatus } from '@grpc/grpc-js'

// Loading grpc-js takes longer than all the rest of `herald --help`.
const status = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
} as const satisfies Partial<Record<keyof typeof GrpcStatus, GrpcStatus>>

/** How an error is reported over gRPC and by the CLI. */
interface ErrorMeaning {
  readonly grpcStatus: GrpcStatus
  /** Exit status of the CLI. */
  readonly exitCode: number
  /** The same request may succeed later. */
  readonly retryable: boolean
}

/** Every error code. */
export const errorTable = {
  HERALD_USAGE: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 2, retryable: false },
  HERALD_BAD_SPEC: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 2, retryable: false },
  HERALD_UNKNOWN_FORMAT: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 2, retryable: false },
  HERALD_BAD_OPTION: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 2, retryable: false },
  HERALD_FILE_EXISTS: { grpcStatus: status.ALREADY_EXISTS, exitCode: 2, retryable: false },
  HERALD_UNREADABLE_FILE: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 3, retryable: false },
  HERALD_EMPTY_FILE: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 3, retryable: false },
  HERALD_UNSUPPORTED_FILE: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 3, retryable: false },
  HERALD_CORRUPT_FILE: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 3, retryable: false },
  HERALD_TOO_MANY_BYTES: { grpcStatus: status.RESOURCE_EXHAUSTED, exitCode: 3, retryable: false },
  HERALD_TOO_MANY_PIXELS: { grpcStatus: status.RESOURCE_EXHAUSTED, exitCode: 3, retryable: false },
  HERALD_TOO_MANY_PAGES: { grpcStatus: status.RESOURCE_EXHAUSTED, exitCode: 3, retryable: false },
  HERALD_TOO_MUCH_MEMORY: { grpcStatus: status.RESOURCE_EXHAUSTED, exitCode: 3, retryable: false },
  HERALD_TOO_MUCH_OUTPUT: { grpcStatus: status.RESOURCE_EXHAUSTED, exitCode: 3, retryable: false },
  HERALD_CANNOT_FIT: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 3, retryable: false },
  HERALD_LOCKED_FILE: { grpcStatus: status.INVALID_ARGUMENT, exitCode: 3, retryable: false },
  HERALD_TIMEOUT: { grpcStatus: status.DEADLINE_EXCEEDED, exitCode: 4, retryable: false },
  HERALD_BUSY: { grpcStatus: status.UNAVAILABLE, exitCode: 5, retryable: true },
  HERALD_SHUTTING_DOWN: { grpcStatus: status.UNAVAILABLE, exitCode: 5, retryable: true },
  HERALD_UNREACHABLE: { grpcStatus: status.UNAVAILABLE, exitCode: 5, retryable: true },
  HERALD_DAMAGED_TRANSFER: { grpcStatus: status.DATA_LOSS, exitCode: 5, retryable: true },
  HERALD_CANNOT_WRITE: { grpcStatus: status.INTERNAL, exitCode: 1, retryable: false },
  HERALD_DISK_FULL: { grpcStatus: status.RESOURCE_EXHAUSTED, exitCode: 1, retryable: false },
  HERALD_NOT_MAILED: { grpcStatus: status.FAILED_PRECONDITION, exitCode: 6, retryable: false },
  HERALD_CANCELLED: { grpcStatus: status.CANCELLED, exitCode: 130, retryable: false },
  HERALD_INTERNAL: { grpcStatus: status.INTERNAL, exitCode: 1, retryable: false },
} as const satisfies Record<string, ErrorMeaning>

export type ErrorCode = keyof typeof errorTable

/** The code as it was received, or undefined if this version does not know it. */
export function knownErrorCode(code: string | undefined): ErrorCode | undefined {
  return code !== undefined && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : undefined
}

export interface HeraldErrorOptions {
  /** What to do about it: one sentence for a person. */
  remedy?: string
  /** When to retry, in milliseconds from now. */
  retryAfterMs?: number
  cause?: unknown
}

/**
 * An error that may be shown to people: `publicMessage` states what is wrong, `remedy` what to
 * do. Any other error is a bug and is shown as HERALD_INTERNAL.
 */
export class HeraldError extends Error {
  override readonly name = 'HeraldError'
  readonly code: ErrorCode
  readonly publicMessage: string
  readonly remedy: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, publicMessage: string, options: HeraldErrorOptions = {}) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.publicMessage = publicMessage
    this.remedy = options.remedy
    this.retryAfterMs = options.retryAfterMs
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable
  }

  get exitCode(): number {
    return errorTable[this.code].exitCode
  }

  get grpcStatus(): GrpcStatus {
    return errorTable[this.code].grpcStatus
  }
}
